import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseTarget } from '../../../../src/agents/target.ts';
import { vapiAgent } from '../../../../src/agents/vapi/kind.ts';
import { vapiLeg } from '../../../../src/agents/vapi/leg.ts';
import { vapiTarget } from '../../../../src/agents/vapi/target.ts';
import { termination } from '../../../../src/call/termination.ts';
import { StreamFar } from '../../../contract/stream-far.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { startStream } from '../stream-run.ts';

const URL_CALL = 'wss://api.vapi.example/call-1/transport?t=canary';

/** A leg in a call, at an API that answers with `answers`, one a request; the last for all that follow. */
async function running({
  target = {},
  answers = [{ status: 201 }],
  monitor = { controlUrl: 'https://api.vapi.example/call-1/control-canary' } as object,
  waits = false,
}: {
  target?: object;
  answers?: Array<{ status: number; headers?: Record<string, string>; body?: object }>;
  monitor?: object;
  waits?: boolean;
} = {}) {
  const clock = new FakeClock();
  const far = new StreamFar({ opened: () => {} });
  const requests: Array<{ url: string; init: RequestInit }> = [];
  const fetchIt = (async (url: string | URL, init: RequestInit) => {
    requests.push({ url: String(url), init });
    if (String(url).includes('control')) return new Response('{}');
    const { status, headers = {}, body } = answers[Math.min(requests.length, answers.length) - 1]!;
    const call = { id: 'call-1', type: 'vapi.websocketCall', transport: { websocketCallUrl: URL_CALL }, monitor };
    return new Response(JSON.stringify(body ?? (status === 201 ? call : { message: 'no' })), { status, headers });
  }) as typeof fetch;
  const parsed = z.strictObject(vapiTarget).parse({ assistant_id: 'a-1', ...target });
  const leg = vapiLeg({ key: 'key-canary', url: 'https://api.vapi.example', fetch: fetchIt }, parsed, far.connect);
  if (waits) far.state = 'refuses';
  const run = startStream(leg, clock);
  await far.settle();
  return { ...run, clock, far, leg, requests };
}

describe('a call with an assistant', () => {
  it('is asked for with the assistant, what it is to know, and the form of audio', async () => {
    const { requests, far, of } = await running({
      target: { variable_values: { name: 'Ada' }, overrides: { firstMessage: 'Hi' }, encoding: 'mulaw', rate: 8_000 },
    });
    const [{ url, init }] = requests as [(typeof requests)[0]];
    expect(url).toBe('https://api.vapi.example/call');
    expect(init.headers).toMatchObject({
      Authorization: 'Bearer key-canary',
      'User-Agent': expect.stringMatching(/^Mozilla/),
    });
    expect(JSON.parse(String(init.body))).toEqual({
      assistantId: 'a-1',
      assistantOverrides: { firstMessage: 'Hi', variableValues: { name: 'Ada' } },
      transport: {
        provider: 'vapi.websocket',
        audioFormat: { format: 'mulaw', container: 'raw', sampleRate: 8_000 },
      },
    });
    // The socket wants no key, and gets none.
    expect(far.addresses).toEqual([{ url: URL_CALL }]);
    expect(of('ready')).toMatchObject([{ sessionId: 'call-1', transport: 'websocket', pace: 'live' }]);
  });

  it('hears frames of 20 ms from the first moment, silence where nobody speaks', async () => {
    const { clock, far, leg } = await running();
    clock.advance(1_000);
    expect(far.heardBytes % 640).toBe(0);
    expect(far.heardBytes / 32).toBeGreaterThanOrEqual(900);
    leg.audio.write({ samples: new Int16Array(500).fill(900), sampleRate: 16_000 });
    expect(far.heardBytes % 640).toBe(0);
  });

  it('ends with a word and the close of the line', async () => {
    const { far, leg, requests } = await running();
    await leg.close(termination('caller-hangup'));
    expect(far.sent).toEqual([{ type: 'end-call' }]);
    expect(far.open).toBe(0);
    expect(requests).toHaveLength(1);
  });

  it('that cannot be joined is ended from outside, where that can be asked for', async () => {
    const one = await running({ waits: true });
    await one.clock.advanceAsync(9_000, 100);
    expect(one.requests.map(({ url }) => url)).toEqual([
      'https://api.vapi.example/call',
      'https://api.vapi.example/call-1/control-canary',
    ]);
    expect(one.requests[1]?.init.body).toBe('{"type":"end-call"}');
    expect(one.of('ended')).toMatchObject([{ end: { reason: 'model-unavailable' } }]);
    const other = await running({ waits: true, monitor: {} });
    await other.clock.advanceAsync(9_000, 100);
    expect(other.requests).toHaveLength(1);
    // What is told is told without addresses and keys.
    expect(JSON.stringify([one.events, one.log.lines])).not.toContain('canary');
  });

  it.each([
    ['a refused key', 401, 'model-auth'],
    ['no credit', 402, 'model-quota'],
    ['no such assistant', 400, 'model-rejected'],
  ])('is not asked for again: %s', async (_, status, reason) => {
    const { requests, of, clock } = await running({ answers: [{ status }] });
    await clock.advanceAsync(9_000, 100);
    expect(requests).toHaveLength(1);
    expect(of('ended')).toMatchObject([{ end: { reason } }]);
  });

  it('is asked for again when the provider is busy, not sooner than it says', async () => {
    const busy = { status: 429, headers: { 'retry-after': '2' } };
    const { requests, of, clock, far, counted } = await running({ answers: [busy, { status: 201 }] });
    await clock.advanceAsync(1_900, 100);
    expect(requests).toHaveLength(1);
    await clock.advanceAsync(300, 100);
    await far.settle();
    expect(requests).toHaveLength(2);
    expect(counted.get('model_retry')).toBe(1);
    expect(of('ready')).toHaveLength(1);
  });

  it('is not asked for twice where the first may have been made: its answer is unreadable, or has no safe address', async () => {
    for (const body of [{ id: 'c' }, { id: 'c', transport: { websocketCallUrl: 'ws://api.vapi.example/c' } }]) {
      const { requests, of, clock } = await running({ answers: [{ status: 201, body }] });
      await clock.advanceAsync(9_000, 100);
      expect(requests).toHaveLength(1);
      expect(of('ended')).toMatchObject([{ end: { reason: 'model-unavailable' } }]);
    }
  });
});

const speech = (role: string, status: string) => ({ type: 'speech-update', role, status });
const words = (role: string, transcriptType: string, transcript: string) => ({
  type: 'transcript',
  role,
  transcriptType,
  transcript,
});

describe('what an assistant tells', () => {
  it('of its answers and of both sides’ words is the call’s own', async () => {
    const { far, of, events } = await running();
    far.says(speech('assistant', 'started'));
    far.says(words('assistant', 'partial', 'Good'));
    far.says(words('assistant', 'partial', 'Good day'));
    far.says({ message: words('assistant', 'final', 'Good day.') });
    far.says(speech('user', 'stopped'));
    expect(of('transcript').map(({ text, final }) => [text, final])).toEqual([
      ['Good', false],
      [' day', false],
      ['Good day.', true],
    ]);
    expect(of('response_started')).toHaveLength(1);
    // The caller said nothing that the assistant took for a turn.
    expect(events.some(({ type }) => type === 'speech_stopped')).toBe(false);
  });

  it('of a caller over its own words interrupts nothing until it gives way', async () => {
    const { far, of, clock } = await running();
    far.says(speech('assistant', 'started'));
    far.sounds(Buffer.alloc(640, 0x11));
    far.says(speech('user', 'started'));
    far.says(speech('user', 'stopped'));
    expect(of('speech_started')).toEqual([]);
    far.says(speech('user', 'started'));
    far.says({ type: 'user-interrupted', turnId: 't' });
    expect(of('speech_started')).toHaveLength(1);
    far.says(speech('user', 'stopped'));
    expect(of('speech_stopped')).toHaveLength(1);
    clock.advance(200);
    expect(of('response_done')).toMatchObject([{ status: 'cancelled' }]);
  });

  it('of tools, delays and messages of no use ends nothing', async () => {
    const { far, of, counted } = await running();
    const call = { id: 't-1', type: 'function', function: { name: 'book', arguments: { day: 'mon' } } };
    far.says({ type: 'tool-calls', toolCallList: [call], toolWithToolCallList: [] });
    far.says({ type: 'hang' });
    far.says({ type: 'conversation-update', messages: [] });
    far.says({ type: 'something-new' });
    far.says({ type: 'speech-update', role: 'nobody', status: 'started' });
    expect(of('tool_call')).toMatchObject([{ name: 'book', arguments: '{"day":"mon"}' }]);
    expect(of('answer_delayed')).toMatchObject([{ waitedMs: 5_000 }]);
    expect(counted.get('model_event_unknown')).toBe(1);
    expect(counted.get('model_event_malformed')).toBe(1);
    expect(of('ended')).toEqual([]);
  });

  it.each([
    ['assistant-ended-call', 'agent-hangup'],
    ['silence-timed-out', 'agent-hangup'],
    ['exceeded-max-duration', 'agent-hangup'],
    ['call.in-progress.error-providerfault-openai-llm-failed', 'model-session-lost'],
    ['pipeline-no-available-llm-model', 'model-session-lost'],
  ])('of its end is a hang-up, or a loss: %s', async (endedReason, reason) => {
    const { far, of } = await running();
    far.says({ type: 'status-update', status: 'ended', endedReason });
    expect(of('ended')).toMatchObject([{ end: { reason } }]);
    expect(far.open).toBe(0);
  });
});

describe('an assistant in routes and prompts', () => {
  const read = (agent: object) => parseTarget({ kind: 'vapi', ...agent }, [vapiAgent]);

  it('is named by its id, and mistakes are told', () => {
    expect(read({ assistant_id: 'a' }).ok).toBe(true);
    expect(read({})).toMatchObject({ ok: false, problems: [{ path: ['assistant_id'] }] });
    expect(read({ assistant_id: 'a', encoding: 'mulaw' })).toMatchObject({ ok: false, problems: [{ path: ['rate'] }] });
    expect(read({ assistent_id: 'a' })).toMatchObject({ ok: false });
  });

  it('needs a key from the start', async () => {
    const opening = vapiAgent.open({ VAPI_API_URL: 'https://x.example', ICE_SERVERS: [] } as never, {} as never);
    await expect(opening).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
