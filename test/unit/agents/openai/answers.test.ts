import { describe, expect, it } from 'vitest';
import { retryAfterOf } from '../../../../src/agents/openai/retry-after.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { type Run, run } from './run.ts';

/** Asked for by the leg so far. */
const creates = (r: Run) => r.model.last.of('response.create');
const instructionsOf = (r: Run) =>
  (creates(r).at(-1) as { response?: { instructions?: string } } | undefined)?.response?.instructions;
const turn = (r: Run) => r.says(says.speechStarted, says.speechStopped);
const finals = (r: Run) => {
  const words = new Map<string, string>();
  for (const { role, itemId, text, final } of r.of('transcript'))
    if (role === 'agent' && final) words.set(itemId, text);
  return [...words.values()].filter((text) => text !== '');
};
const failure = (code: string, message = 'm') => ({
  status_details: { type: 'failed', error: { type: 'x', code, message } },
});
const text = (responseId: string, itemId: string, words: string) => ({
  type: 'response.output_text.done',
  response_id: responseId,
  item_id: itemId,
  text: words,
});
const QUIET = { samples: new Int16Array(160), sampleRate: 8_000 };
const LOUD = {
  samples: Int16Array.from({ length: 160 }, (_, i) => Math.round(9_000 * Math.sin(i))),
  sampleRate: 8_000,
};
/** The caller's audio in real time. */
async function caller(r: Run, ms: number, frame = QUIET): Promise<void> {
  for (let at = 0; at < ms; at += 20) {
    r.leg.audio.write(frame);
    r.clock.advance(20);
  }
  await r.settle();
}

describe('an answer that nobody hears', () => {
  it('is asked for again in its own words when it was written in place of being said, and not told as said', async () => {
    const r = await run({ instructions: 'Base.' });
    turn(r);
    r.says(says.created('r1'), says.message('r1', 'i1'), text('r1', 'i1', 'Nine to "five".'), says.done('r1'));
    expect(finals(r)).toEqual([]);
    await r.after(300);
    expect(creates(r)).toHaveLength(1);
    expect(creates(r)[0]).toMatchObject({ response: { output_modalities: ['audio'], tool_choice: 'none' } });
    expect(instructionsOf(r)).toBe(
      'Base.\n\nSay exactly this to the caller, word for word, and nothing else: "Nine to \\"five\\"."',
    );
    expect(r.counters).toMatchObject({ answer_unheard: 1, answer_text_only: 1 });
    r.answers('r2', 'i2');
    await r.after(60_000);
    expect(creates(r)).toHaveLength(1);
    expect(r.end).toBeUndefined();
  });

  it.each([
    ['nothing', 'completed', {}, 'answer_empty'],
    [
      'an item without audio',
      'completed',
      { output: [{ id: 'i1', type: 'message', status: 'completed' }] },
      'answer_no_audio',
    ],
    ['nothing for its length', 'incomplete', { status_details: { reason: 'max_output_tokens' } }, 'answer_incomplete'],
    ['nothing for its content', 'incomplete', { status_details: { reason: 'content_filter' } }, 'answer_incomplete'],
    ['nothing, cancelled', 'cancelled', { status_details: { reason: 'client_cancelled' } }, 'answer_cancelled'],
    ['a status that nobody knows', 'odd', {}, 'answer_incomplete'],
    ['no status', '', {}, 'answer_empty'],
  ] as const)('is asked for again: %s', async (_what, status, more, counter) => {
    for (const transport of ['websocket', 'webrtc'] as const) {
      const r = await run({ transport });
      turn(r);
      r.says(says.created('r1'), says.done('r1', status, more));
      await r.after(400);
      expect(creates(r)).toHaveLength(1);
      expect(r.counters).toMatchObject({ answer_unheard: 1, [counter]: 1 });
      expect(r.log.lines.filter(({ message }) => message === 'an answer was not heard')).toHaveLength(1);
    }
  });

  it('is none when its audio is silence alone', async () => {
    const r = await run();
    turn(r);
    // 0xff is zero in mu-law.
    r.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(800, 0xff)));
    r.says(says.wordsDone('r1', 'i1', 'Hello.'), says.audioDone('r1', 'i1'), says.done('r1'));
    await r.after(300);
    expect(r.counters).toMatchObject({ answer_no_audio: 1 });
    expect(creates(r)).toHaveLength(1);
    expect(finals(r)).toEqual([]);
  });

  it('is told in words after the second, and is the end after the third', async () => {
    const r = await run({ instructions: 'Base.' });
    turn(r);
    r.says(says.created('r1'), says.done('r1'));
    await r.after(300);
    expect(instructionsOf(r)).toBeUndefined();
    r.says(says.created('r2'), says.done('r2'));
    await r.after(300);
    expect(instructionsOf(r)).toMatch(/^Base\.[\s\S]*sorry/);
    r.says(says.created('r3'), says.done('r3'));
    expect(r.end).toMatchObject({ reason: 'model-silent' });
    expect(r.clock.pending).toBe(0);
  });

  it('is noticed over WebRTC when it is complete and its audio never plays', async () => {
    const r = await run({ transport: 'webrtc' });
    turn(r);
    r.says(
      says.created('r1'),
      says.message('r1', 'i1'),
      says.wordsDone('r1', 'i1', 'Hello.'),
      says.audioDone('r1', 'i1'),
    );
    r.says(says.done('r1'));
    await r.after(3_900);
    expect(creates(r)).toEqual([]);
    await r.after(500);
    expect(creates(r)).toHaveLength(1);
    expect(finals(r)).toEqual([]);
    expect(r.counters.answer_not_played).toBe(1);
  });

  describe('over WebRTC, of a server that does not tell what it plays', () => {
    const frame = (level: number) => new Int16Array(480).fill(level);
    const plays = async (r: Run, ms: number, level: number) => {
      for (let i = 0; i < ms / 10; i++) {
        r.model.last.plays(frame(level));
        await r.clock.advanceAsync(10, 10);
      }
    };
    const answered = async () => {
      const r = await run({ transport: 'webrtc' });
      turn(r);
      r.says(says.created('r1'), says.message('r1', 'i1'));
      await plays(r, 600, 1_000);
      r.says(says.wordsDone('r1', 'i1', 'Hello.'), says.audioDone('r1', 'i1'), says.done('r1'));
      return r;
    };

    it('is known by its sound, and is not asked for again', async () => {
      const r = await answered();
      expect(r.of('audio_started')).toMatchObject([{ responseId: 'r1', itemId: 'i1' }]);
      expect(r.of('audio_done')).toEqual([]);
      await plays(r, 6_000, 0);
      expect(r.of('audio_done')).toMatchObject([{ responseId: 'r1', itemId: 'i1' }]);
      await plays(r, 30_000, 0);
      expect([creates(r), finals(r), r.end]).toEqual([[], ['Hello.'], undefined]);
    });

    it('is followed by the next, and is cut where the caller speaks', async () => {
      const r = await answered();
      await plays(r, 3_000, 0);
      turn(r);
      r.says(says.created('r2'), says.message('r2', 'i2'));
      await plays(r, 300, 1_000);
      expect(r.of('audio_started')).toHaveLength(2);
      r.leg.interrupt([{ itemId: 'i2', responseId: 'r2', contentIndex: 0, heardMs: 200, writtenMs: 300 }]);
      expect(r.sent).toContain('response.cancel');
      const written = r.peer.heard.length;
      await plays(r, 100, 1_000);
      expect(r.peer.heard.length).toBe(written);
    });

    it('begins once where the sound only came before the word of it', async () => {
      const r = await run({ transport: 'webrtc' });
      turn(r);
      r.says(says.created('r1'), says.message('r1', 'i1'));
      await plays(r, 50, 1_000);
      r.says(says.buffer('started', 'r1'));
      await plays(r, 500, 1_000);
      r.says(says.wordsDone('r1', 'i1', 'Hello.'), says.audioDone('r1', 'i1'), says.done('r1'));
      await plays(r, 4_000, 0);
      expect([r.of('audio_started').length, r.of('audio_done').length]).toEqual([1, 0]);
      r.says(says.buffer('stopped', 'r1'));
      expect(r.of('audio_done')).toHaveLength(1);
    });
  });

  it('is owed for the greeting, for what an operator says, and for a tool result alike, as it was asked for', async () => {
    const r = await run({ greeting: 'Welcome', instructions: 'Base.' });
    r.leg.greet();
    r.says(says.created('r1'), says.done('r1'));
    await r.after(300);
    expect(creates(r)).toHaveLength(2);
    expect(instructionsOf(r)).toContain('"Welcome"');
    r.answers('r2', 'i2');
    r.leg.respond('Say goodbye.');
    r.says(says.created('r3'), says.done('r3'));
    await r.after(300);
    expect(creates(r)).toHaveLength(4);
    expect(instructionsOf(r)).toContain('Say goodbye.');
    r.answers('r4', 'i4');
    r.says(says.created('r5'), says.call('r5', 'c1'), says.done('r5'));
    await r.after(20_000);
    expect(creates(r)).toHaveLength(4);
    r.leg.submitToolResult({ toolCallId: 'c1', output: '{}' });
    r.says(says.created('r6'), says.done('r6'));
    await r.after(300);
    expect(creates(r)).toHaveLength(6);
  });

  it('is of no account once the caller speaks again', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'), says.done('r1'), says.speechStarted);
    await caller(r, 1_000, LOUD);
    r.says(says.speechStopped);
    r.answers('r2', 'i2');
    await r.after(60_000);
    expect(creates(r)).toEqual([]);
  });

  it('is answered to nobody while nobody is on the line', async () => {
    const r = await run();
    r.leg.listened(false);
    turn(r);
    r.says(says.created('r1'), says.done('r1'));
    await r.after(60_000);
    expect(r.end).toBeUndefined();
    expect(r.of('answer_delayed')).toEqual([]);
  });
});

describe('an answer that fails', () => {
  it.each(['failed', 'incomplete', 'cancelled'])(
    'is not asked for again when all of it was said: %s',
    async (status) => {
      const r = await run();
      turn(r);
      r.answers('r1', 'i1', 500, status, failure('server_error'));
      await r.after(60_000);
      expect(creates(r)).toEqual([]);
      expect(r.end).toBeUndefined();
    },
  );

  it.each([
    ['failed', failure('server_error'), /Finish what you were saying[\s\S]*/],
    ['incomplete', { status_details: { reason: 'max_output_tokens' } }, /Finish what you were saying/],
    ['incomplete', { status_details: { reason: 'content_filter' } }, /cannot say more/],
    ['cancelled', {}, /Finish what you were saying/],
  ] as const)('is continued when it was cut off: %s', async (status, more, words) => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.words('r1', 'i1', 'We are open from'));
    r.says(says.delta('r1', 'i1', ulaw(400)));
    r.says(says.done('r1', status, more));
    await r.after(1_600);
    expect(creates(r)).toHaveLength(1);
    expect(instructionsOf(r)).toMatch(words);
    if (!String(words).includes('more')) expect(instructionsOf(r)).toContain('"We are open from"');
    r.answers('r2', 'i2');
    await r.after(60_000);
    expect(creates(r)).toHaveLength(1);
  });

  it('for another failure is no wait for limits, however soon the caller is told', async () => {
    const r = await run({ budgets: { coverMs: 500 } });
    turn(r);
    r.says(says.created('r1'), says.done('r1', 'failed', failure('server_error', 'Something broke.')));
    await r.after(650);
    expect(r.of('answer_delayed').map(({ why }) => why)).toContain('model');
    expect(r.of('answer_delayed').map(({ why }) => why)).not.toContain('limits');
  });

  it.each([
    ['5.0s', 5_000],
    ['900ms', 900],
    ['12 seconds', 12_000],
  ])('for want of limits is asked again after the time it names: %s', async (words, ms) => {
    const r = await run();
    turn(r);
    r.says(
      says.created('r1'),
      says.done('r1', 'failed', failure('rate_limit_exceeded', `Please try again in ${words}.`)),
    );
    await r.after(ms - 100);
    expect(creates(r)).toEqual([]);
    await r.after(400);
    expect(creates(r)).toHaveLength(1);
    if (ms > 2_500) expect(r.of('answer_delayed')[0]?.why).toBe('limits');
    r.answers('r2', 'i2');
    await r.after(60_000);
    expect(creates(r)).toHaveLength(1);
    expect(r.end).toBeUndefined();
  });

  it.each(['20ms', '0s', '1ms'])(
    'for want of limits is not given up within moments where it names %s each time',
    async (words) => {
      const r = await run();
      turn(r);
      const refusal = failure('rate_limit_exceeded', `Please try again in ${words}.`);
      r.says(says.created('r1'), says.done('r1', 'failed', refusal));
      await r.after(400);
      expect(creates(r)).toHaveLength(1);
      r.says(says.created('r2'), says.done('r2', 'failed', refusal));
      await r.after(2_000);
      expect(creates(r)).toHaveLength(1);
      await r.after(2_100);
      expect(creates(r)).toHaveLength(2);
      expect(r.end).toBeUndefined();
      r.answers('r3', 'i3');
      await r.after(60_000);
      expect(creates(r)).toHaveLength(2);
      expect(r.end).toBeUndefined();
    },
  );

  it('ends the call at once when the limits tell, after the failure, of a wait longer than a caller is kept', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'), says.done('r1', 'failed', failure('rate_limit_exceeded', 'slow down')));
    expect(r.end).toBeUndefined();
    r.says({
      type: 'rate_limits.updated',
      rate_limits: [{ name: 'tokens', limit: 10, remaining: 0, reset_seconds: 86_400 * 30 }],
    });
    expect(r.end).toMatchObject({ reason: 'model-rate-limited' });
    expect(r.clock.pending).toBe(0);
  });

  it('ends the call at once when the wait is longer than a caller is kept', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'), says.done('r1', 'failed', failure('rate_limit_exceeded', 'Please try again in 1m2s.')));
    expect(r.end).toMatchObject({ reason: 'model-rate-limited' });
    expect(r.clock.pending).toBe(0);
  });

  it.each([true, false])('waits for the reset that the limits tell, told before it: %s', async (before) => {
    const r = await run();
    const limits = {
      type: 'rate_limits.updated',
      rate_limits: [{ name: 'tokens', limit: 10, remaining: 0, reset_seconds: 7 }],
    };
    turn(r);
    if (before) r.says(limits);
    r.says(says.created('r1'), says.done('r1', 'failed', failure('rate_limit_exceeded', 'slow down')));
    if (!before) r.says(limits);
    await r.after(6_900);
    expect(creates(r)).toEqual([]);
    await r.after(400);
    expect(creates(r)).toHaveLength(1);
  });

  it('waits when the asking itself is refused for want of limits', async () => {
    const r = await run({ greeting: 'Welcome' });
    r.leg.greet();
    const id = creates(r)[0]?.['event_id'] as string;
    r.says(says.error('rate_limit_exceeded', id, 'Please try again in 3s'));
    await r.after(2_900);
    expect(creates(r)).toHaveLength(1);
    await r.after(400);
    expect(creates(r)).toHaveLength(2);
    expect(instructionsOf(r)).toContain('"Welcome"');
  });

  it('is not asked again twice when the server answers by itself meanwhile', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'), says.done('r1', 'failed', failure('server_error')));
    r.answers('r2', 'i2');
    await r.after(60_000);
    expect(creates(r)).toEqual([]);
  });
});

describe('a model that thinks', () => {
  it('is not cancelled within 15 s, and the caller is told that it takes a moment after 2.5 s', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'));
    await r.after(9_000);
    expect(r.sent).toEqual([]);
    // Half a second of the wait was the silence that ended the turn.
    expect(r.of('answer_delayed').map(({ waitedMs, why }) => [waitedMs, why])).toEqual([
      [2_000, 'model'],
      [8_000, 'model'],
    ]);
    r.says(says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(100)), says.audioDone('r1', 'i1'), says.done('r1'));
    await r.after(60_000);
    expect(r.sent).toEqual([]);
    expect(r.end).toBeUndefined();
  });

  it('is given up within the limit from the turn, however many responses it begins', async () => {
    const r = await run();
    turn(r);
    for (let i = 0; i < 40 && r.end === undefined; i++) {
      r.says(says.created(`r${i}`));
      await r.after(1_000);
    }
    expect(r.end).toMatchObject({ reason: 'model-silent' });
    expect(r.clock.now()).toBeLessThanOrEqual(31_000);
    expect(r.clock.pending).toBe(0);
  });

  it('is asked once more when its response stands still, though it never confirms the cancelling', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'));
    await r.after(18_000);
    expect(r.sent).toEqual(['response.cancel', 'response.create']);
    await r.after(13_000);
    expect(r.end).toMatchObject({ reason: 'model-silent' });
  });

  it('whose end was never told, though all was said, is not asked again', async () => {
    const r = await run();
    turn(r);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(100)), says.audioDone('r1', 'i1'));
    await r.after(60_000);
    expect(creates(r)).toEqual([]);
    expect(r.end).toBeUndefined();
    r.leg.respond('Say goodbye.');
    await r.after(3_000);
    expect(creates(r)).toHaveLength(1);
  });
});

describe("the caller's turn", () => {
  it('ends with the silence that our own ear hears, when the model tells no end', async () => {
    const r = await run();
    r.says(says.speechStarted);
    await caller(r, 4_000, LOUD);
    await caller(r, 2_400);
    expect(r.sent).toEqual([]);
    await caller(r, 200);
    expect(r.sent).toEqual(['input_audio_buffer.commit', 'response.create']);
    expect(r.of('speech_stopped')).toHaveLength(1);
    expect(r.counters.speech_end_lost).toBe(1);
    r.says(says.error('input_audio_buffer_commit_empty', undefined, 'buffer too small'));
    r.answers('r1', 'i1');
    await caller(r, 60_000);
    expect(creates(r)).toHaveLength(1);
    expect(r.of('error')).toEqual([]);
  });

  it('is left to the model for longer where that waits by meaning', async () => {
    const r = await run({ turnDetection: { type: 'semantic_vad', eagerness: 'low' } });
    r.says(says.speechStarted);
    await caller(r, 9_900);
    expect(r.sent).toEqual([]);
    await caller(r, 200);
    expect(creates(r)).toHaveLength(1);
  });

  it.each([-40, -35, -30])(
    'ends when he is silent on a line whose own noise is as loud as a voice: %i dBFS',
    async (dbfs) => {
      const r = await run();
      r.says(says.speechStarted);
      const noise = {
        ...LOUD,
        samples: LOUD.samples.map((_, i) => Math.round(32_768 * 10 ** (dbfs / 20) * Math.sin(i * i))),
      };
      // Words have pauses between them, in which the line is heard alone.
      for (let i = 0; i < 10; i++) {
        await caller(r, 800, LOUD);
        await caller(r, 200, noise);
      }
      expect(r.sent).toEqual([]);
      await caller(r, 9_000, noise);
      expect(r.of('speech_stopped')).toHaveLength(1);
      expect(creates(r)).toHaveLength(1);
    },
  );

  it('is not cut short while the caller speaks on', async () => {
    const r = await run();
    r.says(says.speechStarted);
    await caller(r, 50_000, LOUD);
    expect(r.sent).toEqual([]);
    expect(r.of('answer_delayed')).toEqual([]);
  });

  it('is answered once when its answer began before its end was told', async () => {
    for (const late of [200, 3_000, 9_000]) {
      const r = await run();
      r.says(says.speechStarted);
      await r.after(800);
      r.answers('r1', 'i1', 900);
      await r.after(late);
      r.says(says.speechStopped);
      await r.after(60_000);
      expect(creates(r)).toEqual([]);
      expect(r.end).toBeUndefined();
    }
  });

  it('that began an answer which was cut because he went on is answered all the same', async () => {
    const r = await run();
    r.says(
      says.speechStarted,
      says.created('r1'),
      says.done('r1', 'cancelled', { status_details: { reason: 'turn_detected' } }),
    );
    r.says(says.speechStopped);
    await r.after(8_100);
    expect(creates(r)).toHaveLength(1);
  });

  it('ends once, though its end is told twice, or its audio is committed first', async () => {
    const r = await run();
    const committed = { type: 'input_audio_buffer.committed', item_id: 'item_user' };
    r.says(says.speechStarted, says.speechStarted, committed, says.speechStopped, says.speechStopped);
    expect(r.of('speech_started')).toHaveLength(1);
    expect(r.of('speech_stopped')).toHaveLength(1);
    r.answers('r1', 'i1');
    r.says(says.speechStopped);
    await r.after(60_000);
    expect(creates(r)).toEqual([]);
  });

  it('is answered when its beginning was never told', async () => {
    const r = await run();
    r.says(says.speechStopped);
    await r.after(8_100);
    expect(creates(r)).toHaveLength(1);
  });
});

describe('words over WebRTC', () => {
  const playing = async () => {
    const r = await run({ transport: 'webrtc' });
    turn(r);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    for (let i = 0; i < 50; i++) r.model.last.plays(new Int16Array(480).fill(1_000));
    r.says(says.wordsDone('r1', 'i1', 'One moment please, I am looking'), says.audioDone('r1', 'i1'), says.done('r1'));
    r.says(says.created('r2'), says.message('r2', 'i2'));
    r.says(says.wordsDone('r2', 'i2', 'It is on Tuesday.'), says.audioDone('r2', 'i2'), says.done('r2'));
    return r;
  };

  it('that wait behind others are taken back when the caller speaks, whatever is in play at his end', async () => {
    const r = await playing();
    expect(finals(r)).toContain('It is on Tuesday.');
    r.says(says.speechStarted);
    expect(finals(r)).toEqual(['One moment please, I am looking']);
    expect(r.model.last.of('conversation.item.truncate')).toMatchObject([{ item_id: 'i2', audio_end_ms: 0 }]);
  });

  it('are taken back by an interruption of another kind, and are not in what the next session is told', async () => {
    const r = await playing();
    r.leg.interrupt([{ itemId: 'i1', responseId: 'r1', contentIndex: 0, heardMs: 500, writtenMs: 500 }]);
    expect(finals(r).join()).not.toContain('Tuesday');
    expect(r.sent).toContain('output_audio_buffer.clear');
    r.model.last.breaks();
    await r.settle();
    expect(JSON.stringify(r.model.last.sent)).not.toContain('Tuesday');
  });

  it('that are lost with the session are owed, and not told to the next as said', async () => {
    const r = await playing();
    r.says(says.buffer('stopped', 'r1'));
    r.model.last.breaks();
    await r.settle();
    expect(JSON.stringify(r.model.last.sent)).not.toContain('Tuesday');
    expect(creates(r)).toHaveLength(1);
  });

  it('of a later item of the same response are taken back, too', async () => {
    const r = await run({ transport: 'webrtc' });
    turn(r);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.message('r1', 'i2'), says.buffer('started', 'r1'));
    for (let i = 0; i < 50; i++) r.model.last.plays(new Int16Array(480).fill(1_000));
    r.says(
      says.wordsDone('r1', 'i1', 'One moment please, I am looking'),
      says.wordsDone('r1', 'i2', 'It is on Tuesday.'),
    );
    r.says(says.done('r1'));
    r.leg.interrupt([{ itemId: 'i1', responseId: 'r1', contentIndex: 0, heardMs: 500, writtenMs: 500 }]);
    expect(finals(r).join()).not.toContain('Tuesday');
  });

  it('are missed when the model stops in the middle of them and its track goes on with silence', async () => {
    const r = await run({ transport: 'webrtc' });
    turn(r);
    r.says(
      says.created('r1'),
      says.message('r1', 'i1'),
      says.words('r1', 'i1', 'We are'),
      says.buffer('started', 'r1'),
    );
    for (let i = 0; i < 20; i++) r.model.last.plays(new Int16Array(480).fill(1_000));
    for (let ms = 100; ms < 14_000 && creates(r).length === 0; ms += 100) {
      for (let i = 0; i < 10; i++) r.model.last.plays(new Int16Array(480));
      r.clock.advance(100);
      r.heard('r1', 'i1', ms);
      if (r.sent.includes('response.cancel')) r.says(says.done('r1', 'cancelled'));
      await r.settle();
    }
    expect(instructionsOf(r)).toContain('"We are"');
  });
});

describe('retryAfterOf', () => {
  it.each([
    [
      'Rate limit reached for gpt-realtime: Limit 40000, Used 39000, Requested 2000. Please try again in 5.0s. Visit x',
      5_000,
    ],
    ['try again in 200ms', 200],
    ['Please try again in 1m2s.', 62_000],
    ['Please try again in 6m0s', 360_000],
    ['retry after 3 seconds', 3_000],
    ['Try again in 1 minute and 2 seconds', 62_000],
    ['Rate limit: 10 per 5s. Please try again in 2s', 2_000],
    ['Please try again in 1h2m3.5s', 3_723_500],
    ['too many requests in 5 s', undefined],
    ['try again later', undefined],
    ['try again in 7 apples', undefined],
    ['', undefined],
    [`try again in ${'1 '.repeat(5_000)}`, undefined],
  ])('%s', (message, ms) => {
    expect(retryAfterOf(message)).toBe(ms);
  });
});
