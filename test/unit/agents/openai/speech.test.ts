import { describe, expect, it } from 'vitest';
import type { Heard } from '../../../../src/call/events.ts';
import { ulawDecode } from '../../../../src/media/g711.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { type Run, run } from './run.ts';

const heard = (itemId: string, heardMs: number, responseId = 'r1'): Heard => ({
  itemId,
  contentIndex: 0,
  responseId,
  heardMs,
  writtenMs: 10_000,
});

/** A response that speaks `ms` milliseconds in one item and is still going on. */
function speaking(r: Run, ms: number, responseId = 'r1', itemId = 'i1'): void {
  r.says(says.created(responseId), says.message(responseId, itemId), says.delta(responseId, itemId, ulaw(ms)));
}

describe('audio over the WebSocket', () => {
  it('is decoded and written at once, after audio_started', async () => {
    const r = await run();
    const bytes = Uint8Array.from({ length: 160 }, (_, i) => i);
    r.says(says.created('r1'), says.message('r1', 'i1'));
    r.says(says.delta('r1', 'i1', Buffer.from(bytes).toString('base64')));
    r.says(says.audioDone('r1', 'i1'), says.done('r1'));
    const expected = new Int16Array(160);
    ulawDecode(bytes, expected);
    expect(r.peer.heard).toEqual([...expected]);
    expect(r.order).toEqual(['ready', 'response_started', 'audio_started', 'frame', 'audio_done', 'response_done']);
    expect(r.of('audio_started')).toEqual([{ type: 'audio_started', responseId: 'r1', itemId: 'i1', contentIndex: 0 }]);
  });

  it('is 24 kHz little endian for pcm16, even when a delta ends in half a sample', async () => {
    const r = await run({ format: 'pcm16' });
    const samples = Int16Array.from([1, -2, 3000, -32_768, 32_767]);
    const bytes = Buffer.from(samples.buffer);
    r.says(says.created('r1'));
    r.says(says.delta('r1', 'i1', bytes.subarray(0, 3).toString('base64')));
    r.says(says.delta('r1', 'i1', bytes.subarray(3).toString('base64')));
    expect(r.peer.heard).toEqual([...samples]);
  });

  it('is whole when one delta holds minutes', async () => {
    const r = await run();
    const bytes = Buffer.from(Uint8Array.from({ length: 100_001 }, (_, i) => (i * 7) & 0xff));
    const expected = new Int16Array(bytes.length);
    ulawDecode(bytes, expected);
    r.says(says.created('r1'), says.delta('r1', 'i1', bytes.toString('base64')));
    expect(r.peer.heard.length).toBe(expected.length);
    expect(r.peer.heard.every((sample, i) => sample === expected[i])).toBe(true);
  });

  it.each(['%%%%', 'AAA!', 'AAAAA', 'AAAA====AAAA', 'AA=='.repeat(2)])(
    'drops and counts %s, which is not base64',
    async (junk) => {
      const r = await run();
      r.says(says.created('r1'), says.delta('r1', 'i1', junk));
      expect(r.peer.heard).toEqual([]);
      expect(r.counters.model_event_malformed).toBe(1);
      expect(r.types).not.toContain('audio_started');
    },
  );

  it('takes the older names of the beta', async () => {
    const r = await run();
    r.says(says.created('r1'));
    r.says({ ...says.delta('r1', 'i1', ulaw(20)), type: 'response.audio.delta' });
    r.says({ ...says.wordsDone('r1', 'i1', 'Hello'), type: 'response.audio_transcript.done' });
    r.says({ ...says.audioDone('r1', 'i1'), type: 'response.audio.done' });
    expect(r.types.slice(2)).toEqual(['audio_started', 'transcript', 'audio_done']);
  });

  it('ends an item whose end was never told when its response is done', async () => {
    const r = await run();
    speaking(r, 20);
    r.says(says.done('r1', 'cancelled'));
    expect(r.of('audio_done')).toHaveLength(1);
  });
});

describe('barge-in over the WebSocket', () => {
  it('writes nothing more of what was interrupted, and counts it', async () => {
    const r = await run();
    speaking(r, 400);
    const written = r.peer.heard.length;
    r.says(says.speechStarted);
    r.leg.interrupt([heard('i1', 120.7)]);
    r.says(says.delta('r1', 'i1', ulaw(200)), says.delta('r1', 'i2', ulaw(100)));
    expect(r.peer.heard.length).toBe(written);
    expect(r.counters.ms_dropped_interrupted).toBe(300);
    r.says(says.audioDone('r1', 'i1'), says.done('r1', 'cancelled'));
    expect(r.of('audio_done')).toEqual([]);
  });

  it('cancels what is active and truncates at what was heard, in whole milliseconds', async () => {
    const r = await run();
    speaking(r, 400);
    r.says(says.speechStarted);
    r.leg.interrupt([heard('i1', 120.7)]);
    expect(r.model.last.sent.slice(1)).toEqual([
      { type: 'response.cancel', response_id: 'r1' },
      { type: 'conversation.item.truncate', item_id: 'i1', content_index: 0, audio_end_ms: 120 },
    ]);
  });

  it('never truncates beyond what was generated', async () => {
    const r = await run();
    speaking(r, 400);
    r.leg.interrupt([heard('i1', 401.5)]);
    expect(r.model.last.of('conversation.item.truncate')[0]).toMatchObject({ audio_end_ms: 400 });
  });

  it('cuts later items of which nothing was heard to nothing, and leaves alone what was heard whole', async () => {
    const r = await run();
    r.says(says.created('r1'));
    for (const item of ['i1', 'i2', 'i3']) {
      r.says(says.message('r1', item), says.delta('r1', item, ulaw(200)), says.audioDone('r1', item));
    }
    r.says(says.done('r1'));
    r.leg.interrupt([heard('i1', 200), heard('i2', 50)]);
    expect(r.model.last.of('response.cancel')).toEqual([]);
    expect(r.model.last.of('conversation.item.truncate')).toMatchObject([
      { item_id: 'i2', audio_end_ms: 50 },
      { item_id: 'i3', audio_end_ms: 0 },
    ]);
  });

  it('truncates each item once', async () => {
    const r = await run();
    speaking(r, 400);
    r.leg.interrupt([heard('i1', 100)]);
    r.leg.interrupt([heard('i1', 100)]);
    expect(r.model.last.of('conversation.item.truncate')).toHaveLength(1);
  });

  it('plays the next response', async () => {
    const r = await run();
    speaking(r, 400);
    r.says(says.speechStarted);
    r.leg.interrupt([heard('i1', 100)]);
    const written = r.peer.heard.length;
    r.says(says.done('r1', 'cancelled'), says.speechStopped);
    speaking(r, 100, 'r2', 'j1');
    expect(r.peer.heard.length).toBe(written + 800);
  });

  it.each([
    says.error('response_cancel_not_active'),
    says.error('invalid_value', undefined, 'Audio content of 400ms is already shorter than 500ms'),
  ])('takes a lost race for what it is', async (error) => {
    const r = await run();
    r.says(error);
    expect(r.of('error')).toEqual([]);
    r.says(says.error('something_else', undefined, 'what sk-abc said'));
    expect(r.of('error')).toEqual([{ type: 'error', code: 'something_else', message: 'what [redacted] said' }]);
  });

  it('keeps of the words what was heard', async () => {
    const r = await run();
    speaking(r, 1000);
    r.says(says.words('r1', 'i1', 'one two three four '), says.words('r1', 'i1', 'five six seven eight'));
    r.leg.interrupt([heard('i1', 500)]);
    r.says(says.wordsDone('r1', 'i1', 'one two three four five six seven eight'));
    r.says({ type: 'conversation.item.truncated', item_id: 'i1', content_index: 0, audio_end_ms: 500 });
    expect(r.of('truncated')).toEqual([{ type: 'truncated', itemId: 'i1', audioEndMs: 500 }]);
    const finals = r.of('transcript').filter((event) => event.final);
    expect(finals.map((event) => event.text)).toEqual(['one two three four', 'one two three four']);
  });

  it('cancels a response that was asked for before the caller spoke and begins after', async () => {
    const r = await run({ greeting: true });
    r.leg.greet();
    r.says(says.speechStarted);
    r.leg.interrupt([]);
    r.says(says.created('r1'), says.delta('r1', 'i1', ulaw(100)));
    expect(r.model.last.of('response.cancel')).toEqual([{ type: 'response.cancel', response_id: 'r1' }]);
    expect(r.peer.heard).toEqual([]);
    // The server's own answer to the caller stands in for it.
    r.says(says.done('r1', 'cancelled'), says.speechStopped, says.created('r2'), says.done('r2'));
    expect(r.model.last.of('response.create')).toHaveLength(1);
  });
});

describe('audio over WebRTC', () => {
  const frame = (level = 1000) => new Int16Array(480).fill(level);
  const ten = (r: Run, level = 1000) => {
    for (let i = 0; i < 10; i++) r.model.last.plays(frame(level));
  };

  it('passes all frames, and tells the item when its play-out begins', async () => {
    const r = await run({ transport: 'webrtc' });
    ten(r, 0);
    expect(r.peer.heard.length).toBe(800);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    ten(r);
    r.says(says.audioDone('r1', 'i1'), says.done('r1'));
    expect(r.of('audio_done')).toEqual([]);
    ten(r);
    r.says(says.buffer('stopped', 'r1'));
    expect(r.order).toEqual([
      'ready',
      'frame',
      'response_started',
      'audio_started',
      'frame',
      'response_done',
      'frame',
      'audio_done',
    ]);
    expect(r.of('audio_started')[0]).toEqual({
      type: 'audio_started',
      responseId: 'r1',
      itemId: 'i1',
      contentIndex: 0,
    });
  });

  it('tells the item late when it is announced late', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.buffer('started', 'r1'));
    ten(r);
    expect(r.of('audio_started')).toEqual([]);
    r.says(says.message('r1', 'i1'), says.message('r1', 'i2'));
    expect(r.of('audio_started').map((event) => event.itemId)).toEqual(['i1']);
  });

  it('begins an item with its first sound, which the jitter buffer holds back, or soon after without any', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    for (let i = 0; i < 5; i++) r.model.last.plays(new Int16Array(480));
    expect(r.of('audio_started')).toEqual([]);
    ten(r);
    expect(r.of('audio_started')).toHaveLength(1);
    r.says(
      says.buffer('stopped', 'r1'),
      says.done('r1'),
      says.created('r2'),
      says.message('r2', 'i2'),
      says.buffer('started', 'r2'),
    );
    r.clock.advance(300);
    r.model.last.plays(new Int16Array(480));
    expect(r.of('audio_started').map((event) => event.itemId)).toEqual(['i1', 'i2']);
  });

  it('tells an item that was played without a single frame, for the watchdog to see', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'), says.buffer('stopped', 'r1'));
    expect(r.types.filter((type) => type.startsWith('audio_'))).toEqual(['audio_started', 'audio_done']);
  });

  it('passes no frame before the session is confirmed', async () => {
    const r = await run({ transport: 'webrtc' });
    await r.leg.close({ result: 'success', reason: 'caller-hangup' });
    ten(r);
    expect(r.peer.heard).toEqual([]);
  });

  it('drops frames from the interruption until the buffer is cleared and its tail has passed', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    ten(r);
    const written = r.peer.heard.length;
    r.leg.interrupt([heard('i1', 60)]);
    expect(r.sent).toEqual(['response.cancel', 'output_audio_buffer.clear']);
    ten(r);
    r.says(says.done('r1', 'cancelled'), says.buffer('cleared', 'r1'));
    ten(r);
    expect(r.peer.heard.length).toBe(written);
    expect(r.counters.ms_dropped_interrupted).toBe(200);
    r.clock.advance(101);
    ten(r, 0);
    expect(r.peer.heard.length).toBe(written + 800);
    expect(r.of('audio_done')).toEqual([]);
  });

  it('waits a second for the clearing, no longer', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    r.leg.interrupt([]);
    r.clock.advance(999);
    ten(r);
    expect(r.peer.heard).toEqual([]);
    r.clock.advance(2);
    ten(r);
    expect(r.peer.heard.length).toBe(800);
  });

  it('cancels only what is active, and clears only what plays', async () => {
    const r = await run({ transport: 'webrtc' });
    r.leg.interrupt([]);
    expect(r.sent).toEqual([]);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'), says.done('r1'));
    r.leg.interrupt([]);
    expect(r.sent).toEqual(['output_audio_buffer.clear']);
  });

  it('hears the next response at once', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    r.leg.interrupt([]);
    r.says(says.done('r1', 'cancelled'), says.created('r2'), says.message('r2', 'j1'), says.buffer('started', 'r2'));
    ten(r);
    expect(r.peer.heard.length).toBe(800);
    expect(r.of('audio_started').map((event) => event.itemId)).toEqual(['j1']);
  });

  it('silences a response that begins to play after it was interrupted', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'));
    r.leg.interrupt([]);
    r.says(says.buffer('started', 'r1'));
    ten(r);
    expect(r.peer.heard).toEqual([]);
    expect(r.of('audio_started')).toEqual([]);
    expect(r.model.last.of('output_audio_buffer.clear')).toHaveLength(2);
  });

  it('never truncates; the server does, and tells', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    r.says(says.wordsDone('r1', 'i1', 'I can tell you very much about our opening hours'));
    r.leg.interrupt([heard('i1', 900)]);
    r.says({ type: 'conversation.item.truncated', item_id: 'i1', content_index: 0, audio_end_ms: 1000 });
    expect(r.model.last.of('conversation.item.truncate')).toEqual([]);
    expect(r.of('transcript').at(-1)).toMatchObject({ text: 'I can tell you', final: true });
  });

  it('ends the item when the server clears by itself and nobody interrupts', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'), says.buffer('cleared', 'r1'));
    expect(r.of('audio_done')).toHaveLength(1);
  });
});

describe('what is told', () => {
  it('tells the words of both sides', async () => {
    const r = await run();
    r.says({ type: 'input_audio_buffer.committed', item_id: 'u1', previous_item_id: null });
    r.says({
      type: 'conversation.item.input_audio_transcription.delta',
      item_id: 'u1',
      content_index: 0,
      delta: 'Hel',
    });
    r.says(
      says.callerSaid('u1', 'Hello'),
      says.created('r1'),
      says.words('r1', 'i1', 'Hi'),
      says.wordsDone('r1', 'i1', 'Hi.'),
    );
    expect(r.of('transcript')).toEqual([
      { type: 'transcript', role: 'caller', itemId: 'u1', text: 'Hel', final: false },
      { type: 'transcript', role: 'caller', itemId: 'u1', text: 'Hello', final: true },
      { type: 'transcript', role: 'agent', itemId: 'i1', text: 'Hi', final: false },
      { type: 'transcript', role: 'agent', itemId: 'i1', text: 'Hi.', final: true },
    ]);
  });

  it('tells usage, and why a response ended', async () => {
    const r = await run();
    const usage = {
      total_tokens: 99,
      input_token_details: { text_tokens: 1, audio_tokens: 2, cached_tokens: 3 },
      output_token_details: { text_tokens: 4, audio_tokens: 5 },
    };
    r.says(says.created('r1'), says.done('r1', 'cancelled', { status_details: { reason: 'turn_detected' }, usage }));
    expect(r.of('response_done')).toEqual([
      {
        type: 'response_done',
        responseId: 'r1',
        status: 'cancelled',
        reason: 'turn_detected',
        usage: {
          inputTextTokens: 1,
          inputAudioTokens: 2,
          cachedTokens: 3,
          outputTextTokens: 4,
          outputAudioTokens: 5,
        },
      },
    ]);
  });

  it('tells speech and limits', async () => {
    const r = await run();
    r.says(says.speechStarted, says.speechStopped);
    r.says({
      type: 'rate_limits.updated',
      rate_limits: [{ name: 'tokens', limit: 10, remaining: 4, reset_seconds: 1.5 }],
    });
    expect(r.events.slice(1)).toEqual([
      { type: 'speech_started', itemId: 'item_user' },
      { type: 'speech_stopped', itemId: 'item_user', silenceMs: 500 },
      { type: 'rate_limits', limits: [{ name: 'tokens', limit: 10, remaining: 4, resetMs: 1500 }] },
    ]);
  });
});
