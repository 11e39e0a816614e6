import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TAPE_RATE, TapeWriter } from '../../../src/measure/tape.ts';
import { TapeFile } from '../../../src/measure/tape-file.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import { FakeClock } from '../../fakes/clock.ts';

const PER_MS = TAPE_RATE / 1000;

/** A square wave, so that its first and last sample are known. */
function loud(ms: number, rate = TAPE_RATE) {
  const samples = new Int16Array((ms * rate) / 1000).map((_, i) => (i % 2 === 0 ? 8_000 : -8_000));
  return { samples, sampleRate: rate };
}
const silence = (ms: number) => ({ samples: new Int16Array(ms * PER_MS), sampleRate: TAPE_RATE });

/** Beginnings and ends of what is loud, ms; holes below 5 ms do not part. */
function runs(samples: Int16Array): number[][] {
  const found: number[][] = [];
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i]!) < 2_000) continue;
    const last = found.at(-1);
    if (last !== undefined && i - last[1]! < 5 * PER_MS) last[1] = i + 1;
    else found.push([i, i + 1]);
  }
  return found.map((run) => run.map((at) => at / PER_MS));
}

function tapeOf(options: { mostMs?: number; file?: TapeFile } = {}) {
  const clock = new FakeClock();
  clock.advance(1_234);
  const tape = new TapeWriter({ clock, ...options });
  return { clock, tape };
}

describe('the tape', () => {
  it('begins when media can flow, and takes nothing before', () => {
    const { clock, tape } = tapeOf();
    tape.agent(loud(20));
    expect(tape.position).toBe(0);
    tape.start();
    clock.advance(100);
    tape.start();
    tape.agent(loud(20));
    clock.advance(100);
    expect(tape.position).toBe(200 * PER_MS);
    expect(runs(tape.tape().agent)).toEqual([[100, 120]]);
  });

  it('has both sides on one clock and of one length, each frame where it crossed the wire', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    clock.advance(300);
    tape.caller(loud(60));
    clock.advance(200);
    tape.agent(loud(40));
    clock.advance(500);
    const { caller, agent } = tape.tape();
    expect([caller.length, agent.length]).toEqual([1_000 * PER_MS, 1_000 * PER_MS]);
    expect(runs(caller)).toEqual([[300, 360]]);
    expect(runs(agent)).toEqual([[500, 540]]);
  });

  it("tells where each frame of the caller's begins", () => {
    const { clock, tape } = tapeOf();
    tape.start();
    clock.advance(300);
    expect(tape.caller(loud(60))).toBe(300 * PER_MS);
    clock.advance(20);
    expect(tape.caller(loud(20))).toBe(360 * PER_MS);
    clock.advance(400);
    expect(tape.caller(silence(20))).toBe(720 * PER_MS);
  });

  it('lays audio that comes faster than it is heard one after the other', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    clock.advance(100);
    for (let i = 0; i < 50; i++) tape.agent(loud(20));
    expect(tape.unplayedMs).toBe(1_000);
    clock.advance(400);
    for (let i = 0; i < 10; i++) tape.agent(loud(20));
    clock.advance(2_000);
    expect(runs(tape.tape().agent)).toEqual([[100, 1_300]]);
    expect(tape.unplayedMs).toBe(0);
  });

  it('does not have what is not played yet, nor what was cleared', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    for (let i = 0; i < 50; i++) tape.agent(loud(20));
    clock.advance(300);
    expect(runs(tape.tape().agent)).toEqual([[0, 300]]);
    tape.clear();
    clock.advance(200);
    tape.agent(loud(20));
    clock.advance(1_000);
    expect(runs(tape.tape().agent)).toEqual([
      [0, 300],
      [500, 520],
    ]);
  });

  it('hears no holes in speech whose frames come a little early and late', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    const wobble = [0, 6, -3, 8, 2, -5, 9, 0, 4, -4];
    let now = 0;
    for (let i = 0; i < 200; i++) {
      const at = 100 + i * 20 + wobble[i % wobble.length]!;
      clock.advance(at - now);
      now = at;
      tape.agent(i >= 50 && i < 150 ? loud(20) : silence(20));
    }
    const [run, ...others] = runs(tape.tape().agent);
    expect(others).toEqual([]);
    expect(Math.abs(run![0]! - 1_100)).toBeLessThanOrEqual(10);
    expect(run![1]! - run![0]!).toBe(2_000);
  });

  /** Two seconds of speech from 1 s on, a frame each 20 ms; the frame of 1,500 ms comes so late, and so do those behind it until they are caught up with. */
  const speechWith = (lateMs: number, waitedMs?: number) => {
    const { clock, tape } = tapeOf();
    tape.start();
    let now = 0;
    for (let i = 0; i < 200; i++) {
      const at = i * 20 < 1_500 ? i * 20 : Math.max(i * 20, 1_500 + lateMs);
      clock.advance(at - now);
      now = at;
      tape.agent(i >= 50 && i < 150 ? loud(20) : silence(20), at > i * 20 ? waitedMs : 0);
    }
    return runs(tape.tape().agent);
  };

  it('hears no hole where a frame came as late as any playout waits, and one where it came later', () => {
    expect(speechWith(22)).toEqual([[1_000, 3_000]]);
    expect(speechWith(40)).toEqual([[1_000, 3_000]]);
    const [first, second] = speechWith(60);
    expect([first, second![0]]).toEqual([[1_000, 1_500], 1_560]);
  });

  it('hears no hole where our own process stood still, but one where the agent did beside it', () => {
    expect(speechWith(300, 300)).toEqual([[1_000, 3_000]]);
    expect(speechWith(300, 270)).toEqual([[1_000, 3_000]]);
    expect(speechWith(300, 200)[0]).toEqual([1_000, 1_500]);
    // What is longer than half a second is too long to be guessed about: what comes then begins when it comes.
    expect(speechWith(900, 900)[0]).toEqual([1_000, 1_500]);
  });

  it('has a word begin when it came, unless it waited for our own process', () => {
    const begins = (waitedMs: number) => {
      const { clock, tape } = tapeOf();
      tape.start();
      for (let i = 0; i < 50; i++) {
        tape.agent(silence(20));
        clock.advance(20);
      }
      clock.advance(30);
      tape.agent(loud(20), waitedMs);
      clock.advance(500);
      return runs(tape.tape().agent)[0]![0];
    };
    expect(begins(0)).toBe(1_030);
    expect(begins(30)).toBe(1_000);
  });

  it('is late by a stall of the process only until it is quiet', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    const word = (i: number) => (i >= 20 && i < 60) || (i >= 150 && i < 160);
    let now = 0;
    for (let i = 0; i < 200; i++) {
      // From 600 to 900 ms nothing is taken in, then all at once.
      const at = Math.max(i * 20, i * 20 >= 600 && i * 20 < 900 ? 900 : 0);
      clock.advance(at - now);
      now = at;
      tape.agent(word(i) ? loud(20) : silence(20));
    }
    expect(runs(tape.tape().agent)).toEqual([
      [400, 600],
      [900, 1_500],
      [3_000, 3_200],
    ]);
  });

  it('forgets a stall of a caller in noise where he says nothing', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    const noise = { samples: new Int16Array(20 * PER_MS).fill(900), sampleRate: TAPE_RATE };
    const word = (i: number) => i >= 150 && i < 160;
    let now = 0;
    for (let i = 0; i < 200; i++) {
      // From 600 to 700 ms nothing leaves, then all at once.
      const at = Math.max(i * 20, i * 20 >= 600 && i * 20 < 700 ? 700 : 0);
      clock.advance(at - now);
      now = at;
      tape.caller(word(i) ? loud(20) : noise, !word(i));
    }
    expect(runs(tape.tape().caller)).toEqual([[3_000, 3_200]]);
  });

  it('forgets one stall after another, though they come close together', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    const word = (i: number) => i >= 150 && i < 160;
    // Nothing is taken in from 600 to 700 ms, nor from 760 to 940, nor from 1,000 to 1,100.
    const late = (ms: number) =>
      ms < 600 ? ms : ms < 700 ? 700 : ms < 760 ? ms : ms < 940 ? 940 : ms < 1_000 ? ms : 1_100;
    let now = 0;
    for (let i = 0; i < 200; i++) {
      const at = i * 20 < 1_100 ? late(i * 20) : i * 20;
      clock.advance(at - now);
      now = at;
      tape.agent(word(i) ? loud(20) : silence(20));
    }
    expect(runs(tape.tape().agent)).toEqual([[3_000, 3_200]]);
  });

  it('keeps the pauses within speech that a source sends ahead of time', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    // Four seconds of audio come within one: words of 300 ms with pauses of 200.
    for (let i = 0; i < 200; i++) {
      if (i % 4 === 0) clock.advance(20);
      tape.agent(i % 25 < 15 ? loud(20) : silence(20));
    }
    clock.advance(10_000);
    expect(runs(tape.tape().agent)).toEqual(Array.from({ length: 8 }, (_, i) => [20 + i * 500, 320 + i * 500]));
  });

  it('takes any rate of the telephone, without moving it in time', () => {
    const { clock, tape } = tapeOf();
    tape.start();
    clock.advance(1_000);
    for (let i = 0; i < 10; i++) tape.agent({ samples: makeTone(400, 8_000, 20, -6), sampleRate: 8_000 });
    clock.advance(1_000);
    const [run] = runs(tape.tape().agent);
    expect(Math.abs(run![0]! - 1_000)).toBeLessThan(2);
    expect(Math.abs(run![1]! - 1_200)).toBeLessThan(4);
  });

  it('drops and counts what it cannot use, what is far ahead of its time, and what it has no room for', () => {
    const { clock, tape } = tapeOf({ mostMs: 2_000 });
    tape.start();
    tape.agent({ samples: new Int16Array(10), sampleRate: 12_345 });
    expect(tape.dropped).toBe(1);
    for (let i = 0; i < 200; i++) tape.agent(loud(20));
    expect(tape.dropped).toBe(101);
    clock.advance(10_000);
    tape.caller(loud(20));
    expect(tape.dropped).toBe(102);
    expect(tape.tape().agent.length).toBe(2_000 * PER_MS);
  });
});

describe("the tape's file", () => {
  it('is whole while it grows and at its end, and belongs to one user', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tape-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'tape.wav');
    const { clock, tape } = tapeOf({ file: await TapeFile.create(path, TAPE_RATE) });
    tape.start();
    for (let i = 0; i < 150; i++) {
      clock.advance(20);
      tape.caller(i < 50 ? loud(20) : silence(20));
    }
    // What a killed process would leave: written in the background, so that it is there a little later.
    await expect.poll(() => decodeWav(readFileSync(path)).channels[0]!.length).toBeGreaterThan(2_000 * PER_MS);
    tape.agent(loud(100));
    clock.advance(60);
    await Promise.all([tape.close(), tape.close()]);
    clock.advance(500);
    const { sampleRate, channels } = decodeWav(readFileSync(path));
    const whole = tape.tape();
    expect(sampleRate).toBe(TAPE_RATE);
    expect(channels).toEqual([whole.caller, whole.agent]);
    expect(runs(whole.caller)).toEqual([[20, 1_020]]);
    expect(runs(whole.agent)).toEqual([[3_000, 3_060]]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('has what came late because our own process stood still, as the tape has it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tape-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'tape.wav');
    const { clock, tape } = tapeOf({ file: await TapeFile.create(path, TAPE_RATE) });
    tape.start();
    for (let i = 0; i < 500; i++) {
      clock.advance(20);
      const stood = i % 60 >= 40 && i % 60 < 59;
      if (stood) continue;
      // After a stall the caller's frames are the first, and take the file as far as it goes.
      const due = i % 60 === 59 ? 20 : 1;
      for (let n = 0; n < due; n++) tape.caller(loud(20));
      for (let n = 0; n < due; n++) tape.agent(loud(20), due === 1 ? 0 : 380);
    }
    await tape.close();
    const whole = tape.tape();
    expect(runs(whole.agent)).toHaveLength(1);
    expect(decodeWav(readFileSync(path)).channels).toEqual([whole.caller, whole.agent]);
  });

  it('says at its end what the file system said, writes nothing behind it, and hurts no tape', async () => {
    const writes: number[] = [];
    const full = {
      async write(_: Uint8Array, __: number, length: number) {
        writes.push(length);
        if (length > 44 && writes.length > 4) throw new Error('no room');
        return { bytesWritten: length };
      },
      close: async () => {},
    };
    const { clock, tape } = tapeOf({ file: new TapeFile(full as never, TAPE_RATE) });
    tape.start();
    for (let i = 0; i < 300; i++) {
      clock.advance(20);
      tape.caller(loud(20));
    }
    await expect(tape.close()).rejects.toThrow('no room');
    expect(writes.map((length) => length > 44)).toEqual([false, true, false, true, false, true]);
    expect(tape.tape().caller.length).toBe(6_000 * PER_MS);
  });
});
