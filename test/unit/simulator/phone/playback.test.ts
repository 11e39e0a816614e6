import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MarkCause, Playback, type PlaybackListener } from '../../../../src/simulator/phone/playback.ts';
import { FakeClock } from '../../../fakes/clock.ts';

interface Heard {
  atMs: number;
  samples: number[];
}

/** Notes everything a listener is told. */
class Notes implements PlaybackListener {
  readonly heards: Heard[] = [];
  readonly runs: Array<{ atMs: number; dryMs: number | undefined }> = [];
  readonly marks: Array<{ name: string; atMs: number; dueMs: number; cause: MarkCause }> = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  runStarted(atMs: number, dryMs: number | undefined): void {
    this.runs.push({ atMs, dryMs });
  }

  heard(ring: Int16Array, from: number, to: number, atMs: number): void {
    this.heards.push({ atMs, samples: [...ring.subarray(from, to)] });
  }

  mark(name: string, dueMs: number, cause: MarkCause): void {
    this.marks.push({ name, atMs: this.#clock.now(), dueMs, cause });
  }

  get samples(): number[] {
    return this.heards.flatMap((heard) => heard.samples);
  }
}

function setUp(limitMs?: number, leadMs?: number) {
  const clock = new FakeClock();
  const notes = new Notes(clock);
  return { clock, notes, playback: new Playback(8000, clock, notes, limitMs, leadMs) };
}

const audio = (ms: number, value = 1) => new Int16Array(ms * 8).fill(value);

describe('playing by the clock', () => {
  it('plays what is queued in order, from the moment it came', () => {
    const { clock, notes, playback } = setUp();
    clock.advance(3.5);
    playback.write(Int16Array.from([1, 2, 3, 4]));
    playback.write(Int16Array.from([5, 6]));
    clock.advance(0.5);
    playback.advance();
    expect(notes.heards).toEqual([{ atMs: 3.5, samples: [1, 2, 3, 4] }]);
    clock.advance(0.25);
    playback.advance();
    expect(notes.heards[1]).toEqual({ atMs: 4, samples: [5, 6] });
    expect(playback.bufferedMs).toBe(0);
    expect(playback.heardMs).toBe(0.75);
  });

  it('holds the beginning of a run back where it is told to, so that jitter makes no gap', () => {
    const { clock, notes, playback } = setUp(undefined, 40);
    playback.write(audio(20, 1));
    // The second piece comes 35 ms later instead of 20.
    clock.advance(35);
    playback.write(audio(20, 2));
    playback.advance();
    expect(notes.heards).toEqual([]);
    clock.advance(45);
    playback.advance();
    expect(notes.runs).toEqual([{ atMs: 40, dryMs: undefined }]);
    expect(notes.samples).toHaveLength(320);
    expect(notes.heards[0]?.atMs).toBe(40);
    // After it ran dry it holds back again, and the gap is as long as what was not heard.
    clock.advance(10);
    playback.write(audio(20, 3));
    expect(notes.runs[1]).toEqual({ atMs: 130, dryMs: 80 });
  });

  it('hears no part of a sample that has not sounded to its end', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(1));
    clock.advance(0.124);
    playback.advance();
    expect(notes.samples).toHaveLength(0);
    clock.advance(0.001);
    playback.advance();
    expect(notes.samples).toHaveLength(1);
  });

  it('tells a run that follows on from one that comes too late', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(20));
    clock.advance(20);
    playback.write(audio(20));
    clock.advance(27);
    playback.write(audio(20));
    expect(notes.runs).toEqual([
      { atMs: 0, dryMs: undefined },
      { atMs: 47, dryMs: 40 },
    ]);
  });

  it('takes the silence after a clear for wanted', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(20));
    clock.advance(10);
    playback.clear();
    clock.advance(30);
    playback.write(audio(20));
    expect(notes.runs.at(-1)).toEqual({ atMs: 40, dryMs: undefined });
  });

  it('keeps order and content however the queue grows, wraps and is looked at', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ write: fc.integer({ min: 1, max: 20_000 }) }),
            fc.record({ wait: fc.integer({ min: 0, max: 3000 }) }),
          ),
          { maxLength: 30 },
        ),
        fc.integer({ min: 1, max: 700 }),
        (steps, lookEveryMs) => {
          const seldom = setUp();
          const often = setUp();
          let next = 0;
          for (const step of steps) {
            if ('write' in step) {
              const samples = Int16Array.from({ length: step.write }, () => (next++ % 60_000) - 30_000);
              seldom.playback.write(samples);
              often.playback.write(samples);
            } else {
              seldom.clock.advance(step.wait);
              for (let left = step.wait; left > 0; left -= lookEveryMs) {
                often.clock.advance(Math.min(left, lookEveryMs));
                often.playback.advance();
              }
            }
          }
          for (const { clock, playback } of [seldom, often]) {
            clock.advance(200_000);
            playback.advance();
          }
          expect(seldom.notes.samples).toEqual(Array.from({ length: next }, (_, i) => (i % 60_000) - 30_000));
          expect(often.notes.samples).toEqual(seldom.notes.samples);
          expect(often.notes.runs).toEqual(seldom.notes.runs);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('marks', () => {
  it('come back at once when nothing is queued', () => {
    const { clock, notes, playback } = setUp();
    clock.advance(7);
    playback.mark('now');
    expect(notes.marks).toEqual([{ name: 'now', atMs: 7, dueMs: 7, cause: 'played' }]);
  });

  it('come back when the audio before them was played, not on a tick', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(33));
    playback.mark('a');
    playback.write(audio(14));
    playback.mark('b');
    playback.mark('c');
    clock.advance(32.9);
    expect(notes.marks).toEqual([]);
    clock.advance(0.1);
    expect(notes.marks.map(({ name, atMs }) => [name, atMs])).toEqual([['a', 33]]);
    clock.advance(13.9);
    expect(notes.marks).toHaveLength(1);
    clock.advance(100);
    expect(notes.marks.slice(1).map(({ name, atMs }) => [name, atMs])).toEqual([
      ['b', 47],
      ['c', 47],
    ]);
    expect(clock.pending).toBe(0);
  });

  it('never come back early where the end lies between two milliseconds', () => {
    const { clock, notes, playback } = setUp();
    playback.write(new Int16Array(3));
    playback.mark('a');
    clock.advance(0.374);
    expect(notes.marks).toEqual([]);
    clock.advance(1);
    expect(notes.marks[0]).toMatchObject({ name: 'a', dueMs: 0.375, cause: 'played' });
    expect(notes.marks[0]!.atMs).toBe(1);
  });

  it('are told in order when the process was stalled over several of them', () => {
    const { clock, notes, playback } = setUp();
    for (const name of ['a', 'b', 'c']) {
      playback.write(audio(10));
      playback.mark(name);
    }
    clock.stall(25);
    expect(notes.marks.map(({ name, dueMs }) => [name, dueMs])).toEqual([
      ['a', 10],
      ['b', 20],
    ]);
    clock.advance(5);
    expect(notes.marks.at(-1)).toMatchObject({ name: 'c', atMs: 30 });
  });

  it('do not come back after the end', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(10));
    playback.mark('a');
    playback.dispose();
    clock.advance(100);
    expect(notes.marks).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('clear', () => {
  it('drops what was not heard, to the sample, and returns all marks at once', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(30));
    playback.mark('heard');
    playback.write(audio(70));
    playback.mark('unheard');
    playback.mark('unheard too');
    clock.advance(40);
    expect(playback.clear()).toBe(60);
    expect(notes.samples).toHaveLength(320);
    expect(notes.marks.map(({ name, atMs, cause }) => [name, atMs, cause])).toEqual([
      ['heard', 30, 'played'],
      ['unheard', 40, 'cleared'],
      ['unheard too', 40, 'cleared'],
    ]);
    clock.advance(1000);
    expect(notes.samples).toHaveLength(320);
    expect(notes.marks).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('counts a mark as played that fell due before it, though the timer had no chance to run', () => {
    // A stalled process reads its socket before its timers: time has passed and nothing has fired.
    let now = 0;
    const stalled = { now: () => now, wall: () => now, after: () => ({ cancel() {} }) };
    const notes = new Notes(new FakeClock());
    const playback = new Playback(8000, stalled, notes);
    playback.write(audio(10));
    playback.mark('a');
    playback.write(audio(10));
    playback.mark('b');
    now = 15;
    expect(playback.clear()).toBe(5);
    expect(notes.marks.map(({ name, cause }) => [name, cause])).toEqual([
      ['a', 'played'],
      ['b', 'cleared'],
    ]);
  });

  it('plays at once what comes after it', () => {
    const { clock, notes, playback } = setUp();
    playback.write(audio(500, 1));
    clock.advance(100);
    playback.clear();
    playback.write(audio(20, 2));
    clock.advance(20);
    playback.advance();
    expect(notes.heards.at(-1)).toEqual({ atMs: 100, samples: new Array(160).fill(2) });
  });
});

describe('the limit', () => {
  it('is ten minutes, and the excess is dropped', () => {
    const { playback } = setUp();
    expect(playback.write(audio(600_000))).toBe(4_800_000);
    expect(playback.write(audio(20))).toBe(0);
  });

  it('lets in as much as was played since', () => {
    const { clock, playback } = setUp(100);
    expect(playback.write(audio(90))).toBe(720);
    expect(playback.write(audio(20))).toBe(80);
    clock.advance(5);
    expect(playback.write(audio(20))).toBe(40);
  });
});
