import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { termination } from '../../../../src/call/termination.ts';
import { replayOf, utterancesIn } from '../../../../src/callers/test/replay.ts';
import { makeTone, toneLevel } from '../../../../src/media/tone.ts';
import { encodeWav } from '../../../../src/media/wav.ts';
import { PER_MS, rig } from './rig.ts';

/** A side in which somebody speaks from each first to each second time, ms. */
function side(lengthMs: number, hz: number, ...runs: Array<[number, number]>): Int16Array {
  const samples = new Int16Array(lengthMs * PER_MS);
  for (const [from, to] of runs) samples.set(makeTone(hz, 24_000, to - from, -15), from * PER_MS);
  return samples;
}
const caller = side(12_000, 700, [2_000, 3_000], [3_300, 4_000], [7_000, 8_000], [9_500, 10_000]);
const agent = side(12_000, 1_500, [300, 1_500], [4_800, 6_200]);

describe('a recording that calls again', () => {
  it('finds who speaks when, pauses between words included', () => {
    expect(utterancesIn(caller).map(({ from, to }) => [from / PER_MS, to / PER_MS])).toEqual([
      [1_940, 4_060],
      [6_940, 8_060],
      [9_440, 10_060],
    ]);
    expect(utterancesIn(new Int16Array(24_000))).toEqual([]);
  });

  it('waits for the agent where it had answered, and pauses as then where it had not', () => {
    const { steps, utterances } = replayOf({ caller, agent }, 'turns');
    expect(steps.map((one) => one.do)).toEqual(['wait_for', 'say', 'wait_for', 'say', 'silence', 'say']);
    expect(steps[4]).toMatchObject({ silence: 1.38 });
    expect([...utterances.keys()]).toEqual([1, 3, 5]);
    expect(replayOf({ caller }, 'turns').steps.map((one) => one.do)).toEqual([
      ...['silence', 'say', 'wait_for', 'say', 'wait_for', 'say'],
    ]);
  });

  it('calls with the record of a call, turn by turn, however long the agent takes now', async () => {
    const recording = async (id: string) =>
      id === 'golden' ? { sampleRate: 24_000, channels: [caller, agent] } : undefined;
    const r = await rig({ kind: 'replay', call_id: 'golden' }, { recording });
    await r.speak(2_000);
    await r.pass(700 + 2_120 + 3_000);
    await r.speak(500);
    await r.pass(6_000);
    expect(r.outcome).toMatchObject({ state: 'done', expectations: [] });
    const says = r.outcome?.marks.filter(({ kind }) => kind === 'say') ?? [];
    expect(says).toHaveLength(3);
    const [first = 0, second = 0, third = 0] = says.map(({ at }) => at / PER_MS);
    expect(first).toBeGreaterThanOrEqual(2_700);
    expect(first).toBeLessThan(2_760);
    expect(second - first).toBeGreaterThan(2_120 + 2_000);
    expect(third - second).toBeCloseTo(1_120 + 1_380, -2);
    const from = (says[0]?.at ?? 0) + 100 * PER_MS;
    expect(toneLevel(r.tape.tape().caller.subarray(from, from + 4_800), 24_000, 700)).toBeCloseTo(-15, 0);
    await expect(rig({ kind: 'replay', call_id: 'other' }, { recording })).rejects.toMatchObject({
      code: 'TEST_CALLER_INVALID',
    });
  });

  describe('whose last words were answered', () => {
    const asked = side(6_000, 700, [1_000, 2_000]);
    const answered = side(6_000, 1_500, [2_600, 4_000]);
    const of = (channels: Int16Array[]) =>
      rig({ kind: 'replay', call_id: 'golden' }, { recording: async () => ({ sampleRate: 24_000, channels }) });
    const hangUpMs = (r: Awaited<ReturnType<typeof of>>) =>
      (r.outcome?.marks.find(({ kind }) => kind === 'hang-up')?.at ?? 0) / PER_MS;
    /** A pause as then, the words with their edges. */
    const SAID_MS = 940 + 1_120;

    it('hears the answer to its end before it hangs up', async () => {
      const r = await of([asked, answered]);
      await r.pass(SAID_MS + 1_000);
      expect(r.outcome).toBeUndefined();
      await r.speak(2_000, 'Nine.');
      await r.pass(1_000);
      expect(r.outcome).toMatchObject({ state: 'done', expectations: [], end: { reason: 'caller-hangup' } });
      expect(hangUpMs(r)).toBeGreaterThanOrEqual(SAID_MS + 1_000 + 2_000 + 600);
    });

    it('hangs up without one after a time, and is through', async () => {
      const r = await of([asked, answered]);
      await r.pass(SAID_MS + 14_000);
      expect(r.outcome).toBeUndefined();
      await r.pass(2_000);
      expect(r.outcome).toMatchObject({ state: 'done', expectations: [] });
    });

    it('is through where the agent hangs up instead, and not where the line breaks', async () => {
      for (const [reason, state] of [
        ['agent-hangup', 'done'],
        ['model-session-lost', 'hung-up-on'],
      ] as const) {
        const r = await of([asked, answered]);
        await r.pass(SAID_MS + 1_000);
        void r.call.end(termination(reason));
        await r.pass(100);
        expect(r.outcome).toMatchObject({ state });
      }
    });

    it('waits where nobody knows whether they were, and not where they were not', async () => {
      const unknown = await of([asked]);
      await unknown.pass(SAID_MS + 3_000);
      expect(unknown.outcome).toBeUndefined();
      const not = await of([asked, new Int16Array(answered.length)]);
      await not.pass(SAID_MS + 200);
      expect(not.outcome).toMatchObject({ state: 'done' });
    });
  });

  it('plays a file by the clock, its other rate and channel minded', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'replay-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const at8k = (hz: number) => makeTone(hz, 8_000, 1_000, -12);
    writeFileSync(join(folder, 'call.wav'), encodeWav([at8k(400), at8k(900)], 8_000));
    writeFileSync(join(folder, 'silent.wav'), encodeWav([new Int16Array(8_000)], 8_000));
    const r = await rig({ kind: 'replay', wav: 'call.wav', channel: 1, pace: 'clock' }, { folder });
    await r.pass(1_500);
    expect(r.outcome?.marks.map(({ kind }) => kind)).toEqual(['say', 'said', 'hang-up']);
    const { caller: said } = r.tape.tape();
    expect(toneLevel(said.subarray(2_400, 21_600), 24_000, 900)).toBeCloseTo(-12, 0);
    expect(toneLevel(said.subarray(2_400, 21_600), 24_000, 400)).toBeLessThan(-70);
    for (const wav of ['missing.wav', '../call.wav', 'silent.wav'])
      await expect(rig({ kind: 'replay', wav }, { folder })).rejects.toMatchObject({ code: 'TEST_CALLER_INVALID' });
    await expect(rig({ kind: 'replay', wav: 'call.wav', channel: 2 }, { folder })).rejects.toThrow('has no channel 2');
    await expect(rig({ kind: 'replay', wav: 'call.wav' })).rejects.toThrow('files cannot be said here');
  });

  it('refuses what cannot be said before there is a call', async () => {
    const refused = (say: string) => rig({ kind: 'script', steps: [{ say }] });
    for (const say of ['tone:', 'tone:x', 'tone:13000', 'tone:400/200/3', 'wav:x.wav'])
      await expect(refused(say)).rejects.toMatchObject({ code: 'TEST_CALLER_INVALID' });
  });
});
