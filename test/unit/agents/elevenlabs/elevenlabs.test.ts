import { describe, expect, it } from 'vitest';
import { elevenLabsLeg } from '../../../../src/agents/elevenlabs/leg.ts';
import type { ElevenLabsTarget } from '../../../../src/agents/elevenlabs/target.ts';
import { StreamFar } from '../../../contract/stream-far.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { startStream } from '../stream-run.ts';

async function running({
  target = {},
  isPublic = false,
  formats = ['pcm_16000', 'pcm_16000'] as const as readonly [down: string, up: string],
  form = 'pcm16' as 'pcm16' | 'pcmu',
  answer = undefined as Response | undefined,
} = {}) {
  const clock = new FakeClock();
  const [agent_output_audio_format, user_input_audio_format] = formats;
  const far = new StreamFar({
    audioOf: (message) => message['user_audio_chunk'],
    opened: () =>
      far.says({
        type: 'conversation_initiation_metadata',
        conversation_initiation_metadata_event: {
          conversation_id: 'conv-1',
          agent_output_audio_format,
          user_input_audio_format,
        },
      }),
  });
  const requests: Array<{ url: string; init: RequestInit }> = [];
  const fetchIt = (async (url: string | URL, init: RequestInit) => {
    requests.push({ url: String(url), init });
    const signed_url = `wss://api.eleven.example/c?conversation_signature=canary-${requests.length}`;
    return answer ?? new Response(JSON.stringify({ signed_url }));
  }) as typeof fetch;
  const leg = elevenLabsLeg({
    account: { key: isPublic ? undefined : 'key-canary', url: 'https://api.eleven.example', fetch: fetchIt },
    target: { agent_id: 'agent 1', ...target } as ElevenLabsTarget,
    form,
    connect: far.connect,
  });
  const run = startStream(leg, clock);
  await far.settle();
  const audio = (event_id: number, ms: number, bytesPerMs = 32) =>
    far.says({
      type: 'audio',
      audio_event: { event_id, audio_base_64: Buffer.alloc(ms * bytesPerMs, 0x11).toString('base64') },
    });
  return { ...run, clock, far, leg, requests, audio };
}

describe('a conversation', () => {
  it('has a signed address of its own, and begins with what it is to know', async () => {
    const { requests, far, of } = await running({
      target: { dynamic_variables: { name: 'Ada' }, overrides: { agent: { language: 'de' } }, user_id: 'u-1' },
    });
    expect(requests.map(({ url }) => url)).toEqual([
      'https://api.eleven.example/v1/convai/conversation/get-signed-url?agent_id=agent%201',
    ]);
    expect(requests[0]?.init.headers).toMatchObject({ 'xi-api-key': 'key-canary' });
    expect(far.sent).toEqual([
      {
        type: 'conversation_initiation_client_data',
        conversation_config_override: { agent: { language: 'de' } },
        dynamic_variables: { name: 'Ada' },
        user_id: 'u-1',
      },
    ]);
    expect(of('ready')).toMatchObject([{ sessionId: 'conv-1', pace: 'burst' }]);
  });

  it('with a public agent needs no key', async () => {
    const { requests, far } = await running({ isPublic: true });
    expect(requests).toEqual([]);
    expect(far.addresses).toEqual([{ url: 'wss://api.eleven.example/v1/convai/conversation?agent_id=agent%201' }]);
  });

  it.each([
    ['pcm16', 'pcm_24000', 'ulaw_8000', 48, 8],
    ['pcm16', 'ulaw_8000', 'pcm_48000', 8, 96],
    ['pcmu', 'pcm_16000', 'ulaw_8000', 32, 8],
  ] as const)(
    'takes and gives what the agent’s formats are: %s, down %s, up %s',
    async (form, down, up, downPerMs, upPerMs) => {
      const { leg, far, audio, peer } = await running({ form, formats: [down, up] });
      for (let at = 0; at < 200; at += 20)
        leg.audio.write({
          samples: new Int16Array(leg.audio.sampleRate / 50).fill(900),
          sampleRate: leg.audio.sampleRate,
        });
      expect(far.heardBytes / upPerMs).toBeGreaterThanOrEqual(190);
      expect(far.heardBytes / upPerMs).toBeLessThanOrEqual(200);
      audio(1, 500, downPerMs);
      const heardMs = (peer.heard.length * 1_000) / leg.rate;
      expect(heardMs).toBeGreaterThanOrEqual(490);
      expect(heardMs).toBeLessThanOrEqual(500);
    },
  );

  it('ends at once in a format that cannot be converted, told so', async () => {
    const { of, started, far } = await running({ formats: ['pcm_22050', 'pcm_16000'] });
    await expect(started).rejects.toMatchObject({ code: 'MODEL_FORMAT_MISMATCH' });
    expect(of('ended')).toMatchObject([{ end: { reason: 'model-format-mismatch' } }]);
    expect(of('ended')[0]?.end.detail).toContain('pcm_22050');
    expect(far.open).toBe(0);
  });

  it('that is closed says why, without addresses', async () => {
    const cases = [
      [1008, 'This request exceeds your quota limit.', 'model-quota'],
      [1008, "Override for field 'prompt' is not allowed by config.", 'model-rejected'],
      [3000, 'Too many concurrent requests, see https://canary.example/x', 'model-rate-limited'],
      [1011, '', 'model-session-lost'],
      [1000, '', 'agent-hangup'],
    ] as const;
    for (const [code, reason, end] of cases) {
      const { far, of } = await running();
      far.closes(code, reason);
      expect(of('ended')).toMatchObject([{ end: { reason: end } }]);
      expect(JSON.stringify(of('ended'))).not.toContain('canary');
    }
  });
});

describe('what an agent tells', () => {
  it('in pings is answered with their numbers', async () => {
    const { far } = await running();
    far.says({ type: 'ping', ping_event: { event_id: 31, ping_ms: 20 } });
    expect(far.sent.at(-1)).toEqual({ type: 'pong', event_id: 31 });
  });

  it('of an interruption cuts off all up to its event, however late it comes', async () => {
    const { far, audio, of, peer, counted, leg, clock } = await running();
    audio(1, 1_000);
    audio(2, 1_000);
    const before = peer.heard.length;
    far.says({ type: 'interruption', interruption_event: { event_id: 2 } });
    expect(of('speech_started')).toHaveLength(1);
    audio(2, 500);
    expect(peer.heard.length).toBe(before);
    expect(counted.get('ms_dropped_interrupted')).toBeCloseTo(500, 0);
    clock.advance(200);
    audio(3, 200);
    expect(((peer.heard.length - before) * 1_000) / leg.rate).toBeGreaterThan(190);
  });

  it('of words is the call’s own, and words that were cut off become what was said', async () => {
    const { far, of, audio } = await running();
    far.says({ type: 'agent_response', agent_response_event: { agent_response: 'We open at nine.', event_id: 4 } });
    audio(5, 400);
    far.says({ type: 'interruption', interruption_event: { event_id: 5 } });
    far.says({
      type: 'agent_response_correction',
      agent_response_correction_event: {
        original_agent_response: 'We open at nine.',
        corrected_agent_response: 'We open',
        event_id: 4,
      },
    });
    // Of another nothing was heard, and a blank one is none.
    far.says({ type: 'agent_response', agent_response_event: { agent_response: 'On Sundays', event_id: 8 } });
    far.says({
      type: 'agent_response_correction',
      agent_response_correction_event: { corrected_agent_response: '', event_id: 8 },
    });
    far.says({ type: 'agent_response', agent_response_event: { agent_response: '', event_id: 9 } });
    far.says({ type: 'user_transcript', user_transcription_event: { user_transcript: 'When?', event_id: 6 } });
    expect(of('transcript')).toEqual([
      { type: 'transcript', role: 'agent', itemId: 'agent-4', text: 'We open at nine.', final: true },
      { type: 'transcript', role: 'agent', itemId: 'agent-4', text: 'We open', final: true },
      { type: 'transcript', role: 'agent', itemId: 'agent-8', text: 'On Sundays', final: true },
      { type: 'transcript', role: 'agent', itemId: 'agent-8', text: '', final: true },
      { type: 'transcript', role: 'caller', itemId: 'caller-6', text: 'When?', final: true },
    ]);
    expect(of('speech_stopped')).toHaveLength(1);
  });

  it('of a tool is answered with the result, an error as one', async () => {
    const { far, leg, of } = await running();
    const call = (tool_call_id: string) => ({ tool_name: 'look_up', tool_call_id, parameters: { q: 1 }, event_id: 3 });
    far.says({ type: 'client_tool_call', client_tool_call: call('t-1') });
    far.says({ type: 'client_tool_call', client_tool_call: call('t-2') });
    expect(of('tool_call').map(({ name, arguments: args }) => [name, args])).toEqual([
      ['look_up', '{"q":1}'],
      ['look_up', '{"q":1}'],
    ]);
    leg.submitToolResult?.({ toolCallId: 't-1', output: '{"a":1}' });
    leg.submitToolResult?.({ toolCallId: 't-2', output: '{"error":"timeout"}' });
    expect(far.sent.slice(1)).toEqual([
      { type: 'client_tool_result', tool_call_id: 't-1', result: '{"a":1}', is_error: false },
      { type: 'client_tool_result', tool_call_id: 't-2', result: '{"error":"timeout"}', is_error: true },
    ]);
  });

  it('that cannot be read is counted, and harms nothing', async () => {
    const { far, counted, of } = await running();
    far.says({ type: 'audio', audio_event: { audio_base_64: '%%%%', event_id: 1 } });
    far.says({ type: 'audio', audio_event: {} });
    far.says({ type: 'novelty' });
    far.says({ type: 'vad_score', vad_score_event: { vad_score: 0.9 } });
    expect(counted.get('model_event_malformed')).toBe(2);
    expect(counted.get('model_event_unknown')).toBe(1);
    expect(of('ended')).toEqual([]);
  });
});
