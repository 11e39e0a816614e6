import { describe, expect, it } from 'vitest';
import { termination } from '../../../../src/call/termination.ts';
import { rmsDbfs } from '../../../../src/media/level.ts';
import { isToneAlone, makeTone } from '../../../../src/media/tone.ts';
import { PER_MS, rig } from './rig.ts';

/** Beginnings and ends of what is loud, ms, in steps of 20. */
function loud(samples: Int16Array): number[][] {
  const runs: number[][] = [];
  for (let at = 0; at + 480 <= samples.length; at += 480) {
    if (rmsDbfs(samples.subarray(at, at + 480)) < -45) continue;
    const last = runs.at(-1);
    if (last?.[1] === at / PER_MS) last[1] = at / PER_MS + 20;
    else runs.push([at / PER_MS, at / PER_MS + 20]);
  }
  return runs;
}
const near = (value: number | undefined, wanted: number, by = 21) =>
  expect(Math.abs((value ?? Number.NaN) - wanted)).toBeLessThanOrEqual(by);

describe('a scripted caller in an ordinary call', () => {
  it('waits for the turn, answers, and hangs up, with every moment on the tape', async () => {
    const r = await rig({
      kind: 'script',
      steps: [{ wait_for: 'turn' }, { say: 'hello there' }, { wait_for: 'turn', for_ms: 500 }, { say: 'tone:700/400' }],
    });
    await r.pass(500);
    await r.speak(1_000);
    await r.pass(2_000);
    await r.speak(800);
    await r.pass(1_500);
    expect(r.outcome).toMatchObject({ state: 'done', expectations: [], end: termination('caller-hangup') });
    const tape = r.tape.tape();
    const [first, second] = loud(tape.caller);
    // The agent ended at 1500 ms: 700 ms later it was our turn; the words are 550 ms.
    near(first?.[0], 2_200, 41);
    near((first?.[1] ?? 0) - (first?.[0] ?? 0), 550, 21);
    near(second?.[0], 500 + 1_000 + 2_000 + 800 + 500, 41);
    const marks = r.outcome?.marks ?? [];
    expect(marks.map(({ kind, step, text }) => [kind, step, text])).toEqual([
      ['say', 1, 'hello there'],
      ['said', 1, undefined],
      ['say', 3, 'tone:700/400'],
      ['said', 3, undefined],
      ['hang-up', undefined, undefined],
    ]);
    // To the sample: what the mark says is where the tone begins.
    const from = marks[2]?.at ?? 0;
    const to = marks[3]?.at ?? 0;
    expect(to - from).toBe(400 * PER_MS);
    expect(isToneAlone(tape.caller.subarray(from, to), 24_000, 700, { minDb: -13, maxOtherDb: -60 })).toBe(true);
    expect(tape.caller.subarray(from - 240, from).every((sample) => sample === 0)).toBe(true);
    expect(r.ticker.size).toBe(0);
  });

  it('speaks over the agent after so long, or after words, and both are on the line at once', async () => {
    const r = await rig({
      kind: 'script',
      steps: [
        { interrupt: 'tone:700/300', after_ms: 600 },
        { wait_for: 'turn' },
        { interrupt: 'tone:700/300', after_words: 'opening hours' },
      ],
    });
    await r.pass(200);
    await r.speak(1_500);
    await r.pass(600);
    await r.speak(400);
    await r.pass(1_000);
    // By the words, not by the sound: it has spoken for 400 ms when they come.
    await r.pass(400, 1_500);
    r.agent.emit({ type: 'transcript', role: 'agent', itemId: 'x', text: 'Our Opening ', final: false });
    await r.pass(200, 1_500);
    r.agent.emit({ type: 'transcript', role: 'agent', itemId: 'x', text: 'hours are', final: false });
    await r.pass(600, 1_500);
    await r.pass(500);
    expect(r.outcome?.state).toBe('done');
    const { caller, agent } = r.tape.tape();
    const [first, second] = loud(caller);
    near(first?.[0], 200 + 600, 61);
    near(second?.[0], 200 + 1_500 + 600 + 400 + 1_000 + 600, 41);
    const over = (first?.[0] ?? 0) * PER_MS;
    expect(rmsDbfs(agent.subarray(over, over + 4_800))).toBeGreaterThan(-14);
  });

  it('takes the rest of what it cut off for no answer, however that ends', async () => {
    const steps = [
      { interrupt: 'tone:700/300', after_ms: 600 },
      { wait_for: 'turn', within_ms: 4_000 },
    ];
    const inVain = await rig({ kind: 'script', steps });
    await inVain.pass(200);
    // It goes on for 400 ms behind the words over it, and says no more.
    await inVain.speak(1_300);
    await inVain.pass(5_000);
    expect(inVain.outcome?.expectations).toMatchObject([{ what: 'wait_for turn', ok: false }]);

    const resumed = await rig({ kind: 'script', steps });
    await resumed.pass(200);
    await resumed.speak(700);
    // Two words of what it was saying, with a pause before: over before the words to it are.
    await resumed.pass(60);
    await resumed.pass(60, 1_500);
    await resumed.pass(5_000);
    expect(resumed.outcome?.expectations).toMatchObject([{ what: 'wait_for turn', ok: false }]);

    const answered = await rig({ kind: 'script', steps });
    await answered.pass(200);
    await answered.speak(700);
    await answered.pass(300);
    await answered.speak(500);
    await answered.pass(1_500);
    expect(answered.outcome).toMatchObject({ state: 'done', expectations: [] });
  });

  it('hears a quick answer behind a clear, and one that begins before his own last word', async () => {
    const steps = [
      { interrupt: 'tone:700/300', after_ms: 600 },
      { wait_for: 'turn', within_ms: 4_000 },
    ];
    const cleared = await rig({ kind: 'script', steps });
    await cleared.pass(200);
    cleared.agent.emit({ type: 'audio_started', responseId: 'r', itemId: 'burst', contentIndex: 0 });
    cleared.agent.ctx?.peer.write({ samples: makeTone(1_500, 24_000, 3_000, -12), sampleRate: 24_000 });
    await cleared.pass(900);
    cleared.agent.emit({ type: 'speech_started' });
    await cleared.pass(220);
    await cleared.speak(500);
    await cleared.pass(1_500);
    expect(cleared.outcome).toMatchObject({ state: 'done', expectations: [] });

    const early = await rig({
      kind: 'script',
      steps: [{ say: 'tone:700/900' }, { wait_for: 'turn', within_ms: 4_000 }],
    });
    await early.pass(700);
    await early.speak(600);
    await early.pass(1_500);
    expect(early.outcome).toMatchObject({ state: 'done', expectations: [] });
  });

  it('drops what it has not heard yet when the agent yields, and writes that down', async () => {
    const r = await rig({ kind: 'script', steps: [{ interrupt: 'tone:700/500', after_ms: 400 }, { silence: 1 }] });
    r.agent.emit({ type: 'audio_started', responseId: 'r', itemId: 'burst', contentIndex: 0 });
    // Ten seconds at once.
    for (let i = 0; i < 10; i++)
      r.agent.ctx?.peer.write({
        samples: new Int16Array(24_000).map((_, n) => (n % 20 < 10 ? 4_000 : -4_000)),
        sampleRate: 24_000,
      });
    await r.pass(600);
    r.agent.emit({ type: 'speech_started' });
    await r.pass(3_000);
    const clear = r.outcome?.marks.find(({ kind }) => kind === 'clear');
    near((clear?.at ?? 0) / PER_MS, 600);
    expect(r.agent.interruptions[0]?.[0]).toMatchObject({ itemId: 'burst', writtenMs: 10_000 });
    near(r.agent.interruptions[0]?.[0]?.heardMs, 600);
    const heard = loud(r.tape.tape().agent);
    expect(heard).toHaveLength(1);
    near(heard[0]?.[1], 600);
  });

  it('says backchannels, tics and words to others as what they are, the last quieter', async () => {
    const r = await rig({
      kind: 'script',
      steps: [
        { backchannel: 'tone:700/200/-12', after_ms: 300 },
        { tic: 'tone:700/200/-12', after_ms: 800 },
        { side_talk: 'tone:700/200/-12', gain_db: -18 },
      ],
    });
    await r.speak(2_500);
    await r.pass(500);
    const marks = r.outcome?.marks ?? [];
    expect(marks.map(({ kind }) => kind)).toEqual([
      'backchannel',
      'said',
      'tic',
      'said',
      'side-talk',
      'said',
      'hang-up',
    ]);
    near((marks[0]?.at ?? 0) / PER_MS, 300, 41);
    near((marks[2]?.at ?? 0) / PER_MS, 800, 41);
    const quiet = marks[4]?.at ?? 0;
    expect(rmsDbfs(r.tape.tape().caller.subarray(quiet, quiet + 4_000))).toBeCloseTo(-30, 0);
  });

  it('presses keys as the line has them, and as tones', async () => {
    const r = await rig({ kind: 'script', steps: [{ keys: '12w#' }, { keys: '5', as: 'tones' }] });
    await r.pass(3_000);
    const pressed = r.events.flatMap((event) =>
      event.type === 'caller' && event.event.type === 'dtmf' ? [event.event.digit] : [],
    );
    expect(pressed).toEqual(['1', '2', '#']);
    expect(r.agent.did.filter((one) => one.startsWith('text'))).toHaveLength(1);
    const tones = loud(r.tape.tape().caller);
    near((tones[0]?.[1] ?? 0) - (tones[0]?.[0] ?? 0), 120, 21);
    expect(r.outcome?.marks.map(({ kind, text }) => [kind, text])).toEqual([
      ['keys', '12w#'],
      ['keys', '5'],
      ['hang-up', undefined],
    ]);
  });

  it('has noise behind it from one step to another', async () => {
    const r = await rig({
      kind: 'script',
      steps: [
        { say: 'tone:700/400/-20' },
        { noise: { snr_db: 10, colour: 'white' } },
        { silence: 1 },
        { noise: 'off' },
        { silence: 0.5 },
      ],
    });
    await r.pass(3_000);
    const marks = r.outcome?.marks ?? [];
    const on = marks.find(({ kind }) => kind === 'noise-on')?.at ?? 0;
    const off = marks.find(({ kind }) => kind === 'noise-off')?.at ?? 0;
    near((off - on) / PER_MS, 1_000);
    const { caller } = r.tape.tape();
    expect(rmsDbfs(caller.subarray(on, off))).toBeCloseTo(-30, 0);
    expect(caller.subarray(off, off + 9_600).every((sample) => sample === 0)).toBe(true);
  });

  it('says what it expected and what came: words, tools, speech, silence, and what was not to come', async () => {
    const r = await rig({
      kind: 'script',
      steps: [
        { say: 'tone:700/200' },
        { expect: { words: 'next tuesday' }, within_ms: 3_000 },
        { expect: { matches: 'tues|wednes' }, within_ms: 100 },
        { expect: { tool: 'book', arguments: { day: { name: 'tuesday' } } }, within_ms: 100 },
        { expect: { tool: 'book', arguments: { day: { name: 'monday' } } }, within_ms: 100 },
        { expect: { words: 'monday' }, absent: true, within_ms: 200 },
        { expect: { silence_ms: 300 }, within_ms: 4_000 },
        { expect: { speech: true }, within_ms: 300 },
      ],
    });
    await r.pass(400);
    r.agent.emit({
      ...{ type: 'tool_call', toolCallId: 't', name: 'book', responseId: 'r' },
      arguments: '{"day":{"name":"tuesday","hour":9},"who":"x"}',
    });
    await r.speak(1_500, 'It is free NEXT Tuesday.');
    await r.pass(3_000);
    expect(r.outcome?.state).toBe('done');
    expect(r.outcome?.expectations.map(({ step, ok }) => [step, ok])).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [4, false],
      [5, true],
      [6, true],
      [7, false],
    ]);
    expect(r.outcome?.expectations[3]).toEqual({
      step: 4,
      what: 'tool "book", arguments {"day":{"name":"monday"}}',
      ok: false,
      why: 'not within 100 ms',
    });
  });

  it('tells that the agent kept it waiting, goes on, and is not to blame for speaking then', async () => {
    const r = await rig({
      kind: 'script',
      steps: [
        { wait_for: 'turn', within_ms: 1_000 },
        { say: 'tone:700/200' },
        { wait_for: { words: 'yes' }, within_ms: 500 },
      ],
    });
    await r.pass(900);
    await r.pass(1_500, 1_500);
    expect(r.outcome).toMatchObject({
      state: 'done',
      expectations: [
        { step: 0, what: 'wait_for turn', ok: false, why: 'not within 1000 ms' },
        { step: 2, what: 'wait_for words "yes"', ok: false, why: 'the agent tells no words of its own' },
      ],
    });
  });

  it('says when words could have been said that an agent who spoke told nothing of', async () => {
    const steps = [
      { wait_for: 'turn' as const, for_ms: 300 },
      { say: 'tone:700/200' },
      { expect: { words: 'yes' }, within_ms: 500 },
      { expect: { words: 'no' }, within_ms: 500, absent: true },
      { interrupt: 'tone:700/200', after_words: 'well', within_ms: 500 },
    ];
    const r = await rig({ kind: 'script', steps });
    await r.speak(600);
    await r.pass(3_500);
    const [yes, no, well] = r.outcome?.expectations ?? [];
    expect(yes).toMatchObject({ step: 2, ok: false, why: 'the agent tells no words of its own' });
    near(yes?.untold?.fromMs, 900, 61);
    near(yes?.untold?.toMs, 1_600, 81);
    expect([yes?.untold?.isSo?.('Oh yes!'), yes?.untold?.isSo?.('yesterday')]).toEqual([true, false]);
    expect([no?.untold?.isSo?.('Oh no!'), no?.untold?.isSo?.('nowhere')]).toEqual([false, true]);
    expect(well).toMatchObject({ step: 4, ok: false, untold: { toMs: expect.any(Number) } });
    expect(well?.untold).not.toHaveProperty('isSo');
    // Of one that says nothing at all it is known that it does not say the words.
    const silent = await rig({ kind: 'script', steps: [{ expect: { words: 'yes' }, within_ms: 500 }] });
    await silent.pass(1_000);
    expect(silent.outcome?.expectations).toMatchObject([{ ok: false }]);
    expect(silent.outcome?.expectations[0]).not.toHaveProperty('untold');
  });

  it('is invalid where it speaks over the agent without having meant to', async () => {
    const r = await rig({ kind: 'script', steps: [{ silence: 0.5 }, { say: 'tone:700/200' }] });
    await r.speak(1_500);
    expect(r.outcome?.state).toBe('invalid');
    expect(r.outcome?.reason).toContain('step 1 (say) began while the agent spoke');
  });

  it('knows who hung up: the agent as expected, the agent too early, nobody in time', async () => {
    const expected = await rig({
      kind: 'script',
      steps: [{ say: 'tone:700/200' }, { expect: { hang_up: true } }, 'hang_up'],
    });
    await expected.pass(1_000);
    await expected.call.end(termination('agent-hangup'));
    expect(expected.outcome).toMatchObject({
      state: 'done',
      expectations: [{ step: 1, what: 'hang_up', ok: true }],
      end: termination('agent-hangup'),
    });

    const early = await rig({ kind: 'script', steps: [{ silence: 5 }] });
    await early.pass(1_000);
    await early.call.end(termination('agent-hangup'));
    expect(early.outcome).toMatchObject({ state: 'hung-up-on', reason: 'the call was over at step 0 (silence)' });

    const never = await rig({ kind: 'script', steps: [{ expect: { hang_up: true }, within_ms: 600 }] });
    await never.pass(1_000);
    expect(never.outcome).toMatchObject({ state: 'done', expectations: [{ ok: false, why: 'not within 600 ms' }] });

    const failed = await rig({ kind: 'script', steps: [{ expect: { hang_up: true } }] });
    await failed.pass(200);
    await failed.call.end(termination('model-unavailable'));
    expect(failed.outcome).toMatchObject({
      state: 'hung-up-on',
      expectations: [],
      end: { reason: 'model-unavailable' },
    });
  });

  it('hangs up when its time is over', async () => {
    const r = await rig({ kind: 'script', steps: [{ silence: 60 }], max_seconds: 2 });
    await r.pass(2_100);
    expect(r.outcome).toMatchObject({ state: 'timeout', reason: 'the call was longer than 2 s' });
    expect(r.call.ended).toEqual(termination('caller-hangup'));
  });

  it('does all that is due after a stall, and loses no sample', async () => {
    const r = await rig({ kind: 'script', steps: [{ say: 'tone:700/1000' }, { silence: 0.5 }] });
    await r.pass(300);
    r.clock.stall(400);
    await r.pass(2_000);
    const sent = r.agent.audio.heard.filter((sample) => sample !== 0).length;
    expect(sent).toBeGreaterThan(990 * PER_MS);
    expect(r.outcome?.state).toBe('done');
  });

  it('is the same to the bit twice, effects and all', async () => {
    const spec = {
      kind: 'script',
      steps: [{ wait_for: 'turn' }, { say: 'hello there' }, { silence: 1 }],
      effects: {
        noise: { snr_db: 15 },
        band: 'telephone',
        loss: { rate: 0.05 },
        bursts: { per_minute: 30 },
        jitter: { max_ms: 60 },
      },
    };
    const play = async (seed: number) => {
      const r = await rig(spec, { seed });
      await r.pass(300);
      await r.speak(700);
      await r.pass(3_000);
      return { sent: r.agent.audio.heard, marks: r.outcome?.marks };
    };
    const [a, b, other] = [await play(1), await play(1), await play(2)];
    expect(a.sent.length).toBeGreaterThan(24_000);
    expect(b).toEqual(a);
    expect(other.sent).not.toEqual(a.sent);
  });
});

describe('the tape of a caller whose process stands still', () => {
  /** An agent speaks for two seconds from 1 s on, in real time; from 1.5 s on the process stands still for 130 ms. */
  async function stalled(socketsFirst: boolean) {
    const r = await rig({ kind: 'script', steps: [{ silence: 60 }] });
    await r.pass(1_000);
    const tone = makeTone(1_500, 24_000, 2_000, -12);
    const say = (from: number, to: number) => {
      for (let at = from; at < to; at += 20)
        r.agent.ctx?.peer.write({ samples: tone.slice(at * PER_MS, (at + 20) * PER_MS), sampleRate: 24_000 });
    };
    for (let at = 0; at < 500; at += 20) {
      say(at, at + 20);
      await r.clock.advanceAsync(20, 20);
    }
    // What came meanwhile waits in the socket, and is read before the timers are looked at, or behind them.
    if (socketsFirst) r.clock.after(1, () => say(500, 620));
    r.clock.stall(130);
    if (!socketsFirst) say(500, 620);
    await r.clock.advanceAsync(10, 10);
    for (let at = 620; at < 2_000; at += 20) {
      say(at, at + 20);
      await r.clock.advanceAsync(20, 20);
    }
    await r.pass(500);
    return loud(r.tape.tape().agent);
  }

  it.each([true, false])('has no hole where the agent made none, sockets first: %s', async (socketsFirst) => {
    const heard = await stalled(socketsFirst);
    expect(heard).toHaveLength(1);
    near(heard[0]![1]! - heard[0]![0]!, 2_000);
  });

  it('has one where the agent was late, and we were not', async () => {
    const r = await rig({ kind: 'script', steps: [{ silence: 60 }] });
    await r.pass(1_000);
    await r.pass(500, 1_500);
    await r.pass(120);
    await r.pass(500, 1_500);
    await r.pass(500);
    expect(loud(r.tape.tape().agent)).toHaveLength(2);
  });
});
