import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionOptions, type RefusalReason } from '../../../src/admission/admission.ts';
import { type DelayWindow, LoopDelay } from '../../../src/admission/loop-delay.ts';
import { MemoryWatch, processMemory } from '../../../src/admission/memory.ts';
import { admissionSettings } from '../../../src/admission/settings.ts';
import { TokenBucket } from '../../../src/admission/token-bucket.ts';
import { systemClock } from '../../../src/call/clock.ts';
import { FakeClock } from '../../fakes/clock.ts';

function make(options: Partial<AdmissionOptions> = {}) {
  const clock = new FakeClock();
  const state = { calls: 0, draining: false, delayMs: 0 };
  const refused: RefusalReason[] = [];
  const admission = new Admission({
    clock,
    calls: () => state.calls,
    isDraining: () => state.draining,
    loopDelayMs: () => state.delayMs,
    maxCalls: 3,
    maxPages: 2,
    callsPerSecond: 0,
    maxLoopDelayMs: 100,
    refused: (reason) => void refused.push(reason),
    ...options,
  });
  return { admission, clock, state, refused };
}

describe('a token bucket', () => {
  it('gives its burst at once, then its rate, and says how long to wait', () => {
    const bucket = new TokenBucket(2, 3, 0);
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0]);
    expect(bucket.take(0)).toBe(500);
    expect(bucket.take(250)).toBe(250);
    expect(bucket.take(500)).toBe(0);
    expect(bucket.take(500)).toBe(500);
  });

  it('never holds more than its burst, nor gives more when time goes back', () => {
    const bucket = new TokenBucket(10, 2, 1_000);
    expect([bucket.take(60_000), bucket.take(60_000)]).toEqual([0, 0]);
    expect(bucket.take(60_000)).toBeGreaterThan(0);
    expect(bucket.take(0)).toBeGreaterThan(0);
  });
});

describe('admission', () => {
  it('takes as many calls at once as it may, those in the making included', () => {
    const { admission, state, refused } = make();
    state.calls = 2;
    expect(admission.admit()).toEqual({ ok: true });
    const making = admission.admitCaller();
    expect(admission.admit()).toEqual({ ok: false, reason: 'calls' });
    expect(admission.overloaded).toBe(true);
    expect(making.ok && making.place.begin()).toEqual({ ok: true });
    expect(admission.admit()).toEqual({ ok: true });
    expect(refused).toEqual(['calls']);
  });

  it('gives the place back when the making fails', () => {
    const { admission } = make({ maxCalls: 1 });
    const making = admission.admitCaller();
    expect(admission.admit()).toEqual({ ok: false, reason: 'calls' });
    if (making.ok) making.place.free();
    expect(admission.admit()).toEqual({ ok: true });
  });

  it('takes so many calls a second, with room for a burst; readiness does not flap for it', () => {
    const { admission, clock, refused } = make({ maxCalls: 1_000, callsPerSecond: 2 });
    const taken = () => Array.from({ length: 50 }, () => admission.admit()).filter(({ ok }) => ok).length;
    expect(taken()).toBe(10);
    clock.advance(1_000);
    expect(taken()).toBe(2);
    expect(new Set(refused)).toEqual(new Set(['rate']));
    expect(admission.overloaded).toBe(false);
  });

  it('a caller refused for want of room uses up nothing of the rate', () => {
    const { admission, state } = make({ callsPerSecond: 1 });
    state.calls = 3;
    for (let i = 0; i < 20; i++) admission.admit();
    state.calls = 0;
    expect(admission.admit()).toEqual({ ok: true });
  });

  it('takes none while the event loop is late, and again only when it is well again', () => {
    const { admission, state } = make();
    state.delayMs = 100;
    expect(admission.admit().ok).toBe(true);
    state.delayMs = 101;
    expect(admission.admit()).toEqual({ ok: false, reason: 'loop-delay' });
    state.delayMs = 90;
    expect(admission.admit()).toEqual({ ok: false, reason: 'loop-delay' });
    expect(admission.overloaded).toBe(true);
    state.delayMs = 79;
    expect(admission.admit().ok).toBe(true);
    state.delayMs = 90;
    expect(admission.admit().ok).toBe(true);
    expect(make({ maxLoopDelayMs: 0, loopDelayMs: () => 1e6 }).admission.admit().ok).toBe(true);
  });

  it('takes none while the memory is nearly full, tells it once, and takes them again five points below', () => {
    let percent = 80;
    const told: boolean[] = [];
    const memory = { memoryPercent: () => percent, memoryFull: (full: boolean) => void told.push(full) };
    const { admission, refused } = make({ ...memory, maxMemoryPercent: 80 });
    expect(admission.admit().ok).toBe(true);
    percent = 80.1;
    expect(admission.admit()).toEqual({ ok: false, reason: 'memory' });
    percent = 76;
    expect(admission.admit()).toEqual({ ok: false, reason: 'memory' });
    expect(admission.overloaded).toBe(true);
    percent = 75;
    expect(admission.admit().ok).toBe(true);
    expect([told, refused]).toEqual([
      [true, false],
      ['memory', 'memory'],
    ]);
    expect(make({ ...memory, memoryPercent: () => 99, maxMemoryPercent: 0 }).admission.admit().ok).toBe(true);
  });

  it('takes no call to a model that refuses all, counts it, and leaves a trial to calls, not to orders', () => {
    const models = { admits: (m: string) => m !== 'bad', spares: (m: string) => m === 'bad', isOpen: () => true };
    const { admission, refused } = make({ models });
    expect(admission.admitModel('good')).toEqual({ ok: true });
    expect(admission.admitModel('bad')).toEqual({ ok: false, reason: 'model' });
    expect(admission.admitOrder('good')).toEqual({ ok: true });
    expect(admission.admitOrder('bad')).toEqual({ ok: false, reason: 'model' });
    expect(refused).toEqual(['model', 'model']);
    expect(admission.refusesModel('good')).toBe(true);
    expect(make().admission.refusesModel('bad')).toBe(false);
    expect(make().admission.admitOrder('bad')).toEqual({ ok: true });
  });

  it('takes none while it drains, which is no overload', () => {
    const { admission, state } = make();
    state.draining = true;
    expect(admission.admit()).toEqual({ ok: false, reason: 'draining' });
    expect(admission.overloaded).toBe(false);
  });
});

describe('strangers’ pages', () => {
  const taken = (admission: Admission, times: number) =>
    Array.from({ length: times }, () => admission.admitStranger()).filter(({ ok }) => ok).length;

  it('have their share of the places, and those that only connect keep no caller out', () => {
    const { admission, refused } = make({ maxCalls: 3, maxPages: 2 });
    expect(taken(admission, 10)).toBe(2);
    expect(refused).toEqual(Array(8).fill('pages'));
    expect(admission.overloaded).toBe(false);
    expect(admission.admit()).toEqual({ ok: true });
  });

  it('find no place where callers have them all, at the offer or when they are connected', () => {
    const { admission, state } = make();
    state.calls = 2;
    const admitted = admission.admitStranger();
    expect(admission.admitStranger()).toEqual({ ok: false, reason: 'calls' });
    state.calls = 3;
    expect(admitted.ok && admitted.place.begin()).toEqual({ ok: false, reason: 'calls' });
    state.calls = 2;
    expect(admitted.ok && admitted.place.begin()).toEqual({ ok: true });
  });

  it('use up nothing of the rate that callers have, and have a part of it', () => {
    const { admission, clock } = make({ maxCalls: 100, maxPages: 50, callsPerSecond: 1 });
    expect(taken(admission, 100)).toBe(2);
    clock.advance(2_000);
    expect(taken(admission, 100)).toBe(1);
    expect(Array.from({ length: 10 }, () => admission.admit()).filter(({ ok }) => ok)).toHaveLength(5);
  });

  it('are refused before the event loop is so late that callers are', () => {
    const { admission, state } = make();
    state.delayMs = 51;
    expect(admission.admitStranger()).toEqual({ ok: false, reason: 'loop-delay' });
    expect(admission.admit().ok).toBe(true);
  });

  it('give a place back once, whatever comes of it', () => {
    const { admission } = make({ maxPages: 1 });
    for (const begins of [true, false]) {
      const admitted = admission.admitStranger();
      if (!admitted.ok) throw new Error('no place');
      if (begins) admitted.place.begin();
      admitted.place.free();
      admitted.place.free();
    }
    expect(taken(admission, 3)).toBe(1);
  });

  it('of operators are calls as any other, from the offer on', () => {
    const { admission, state } = make({ maxCalls: 2, maxPages: 0 });
    const admitted = admission.admitCaller();
    expect(admission.admitCaller().ok).toBe(true);
    expect(admission.admit()).toEqual({ ok: false, reason: 'calls' });
    state.draining = true;
    expect(admitted.ok && admitted.place.begin()).toEqual({ ok: false, reason: 'draining' });
    state.draining = false;
    expect(admitted.ok && admitted.place.begin()).toEqual({ ok: true });
    expect(admission.admit()).toEqual({ ok: true });
    if (admitted.ok) admitted.place.free();
    expect(admission.admit()).toEqual({ ok: true });
  });
});

describe("the event loop's delay", () => {
  function delays(windows: DelayWindow[]) {
    const clock = new FakeClock();
    let closed = false;
    const idle = { p50: 0, p99: 0, max: 0 };
    const told: string[] = [];
    const source = { take: () => windows.shift() ?? idle, close: () => (closed = true) };
    const loop = new LoopDelay(clock, (late, ms) => void told.push(`${late ? 'late' : 'well'} ${ms}`), source);
    return { clock, loop, told, closed: () => closed };
  }
  const bad = { p50: 5, p99: 500, max: 500 };

  it('is smoothed: single stalls are no overload, however long; many bad seconds are, and it passes', () => {
    const good = { p50: 0, p99: 10, max: 10 };
    const stall = { p50: 0, p99: 9_000, max: 9_000 };
    const { clock, loop, closed } = delays([stall, good, stall, good, good, stall, good, good, ...Array(10).fill(bad)]);
    clock.advance(1_000);
    expect(loop.last).toEqual(stall);
    for (let n = 0; n < 7; n++) {
      expect(loop.smoothedMs).toBeLessThanOrEqual(10);
      clock.advance(1_000);
    }
    clock.advance(6_000);
    expect(loop.smoothedMs).toBe(500);
    clock.advance(4_000);
    expect(loop.smoothedMs).toBe(500);
    clock.advance(6_000);
    expect(loop.smoothedMs).toBe(0);
    loop.close();
    expect([clock.pending, closed()]).toEqual([0, true]);
  });

  describe('refuses new calls at a 99th percentile above 50 ms for ten seconds, and raises the alarm above 20', () => {
    const at = (p99: number): DelayWindow => ({ p50: 0, p99, max: p99 });
    /** What becomes of a caller who comes at the end of each second. */
    function seconds(windows: DelayWindow[]) {
      const { clock, loop, told } = delays([...windows]);
      const { admission } = make({ maxCalls: 1_000, loopDelayMs: loop.delayMs, maxLoopDelayMs: 50 });
      const taken = windows.map(() => {
        clock.advance(1_000);
        return admission.admit().ok;
      });
      return { taken, told, refusedFrom: taken.indexOf(false) };
    }

    it('in the tenth second, not before', () => {
      expect(seconds(Array(15).fill(at(51))).refusedFrom).toBe(9);
      expect(seconds(Array(60).fill(at(50))).refusedFrom).toBe(-1);
    });

    it('never for a spike, however high, nor for many of them with good seconds between', () => {
      expect(seconds([...Array(9).fill(at(5_000)), ...Array(20).fill(at(1))]).refusedFrom).toBe(-1);
      expect(seconds(Array.from({ length: 60 }, (_, n) => at(n % 5 === 0 ? 10 : 400))).refusedFrom).toBe(-1);
    });

    it('until it is well below again in most seconds: one that flickers at the limit stays refused', () => {
      const { taken } = seconds([
        ...Array(10).fill(at(60)),
        ...Array.from({ length: 20 }, (_, n) => at(n % 2 === 0 ? 45 : 55)),
        ...Array(10).fill(at(30)),
      ]);
      expect(taken.slice(9, 30)).toEqual(Array(21).fill(false));
      // Six of ten seconds are well.
      expect(taken.slice(30).indexOf(true)).toBe(5);
      expect(taken.slice(35)).toEqual(Array(5).fill(true));
    });

    it('tells the operator once when it is late, once when it is well, nothing of a spike', () => {
      const windows = [...Array(9).fill(at(900)), ...Array(12).fill(at(2)), ...Array(30).fill(at(21))];
      expect(seconds(windows).told).toEqual(['late 21']);
      expect(seconds([...windows, ...Array(12).fill(at(3))]).told).toEqual(['late 21', 'well 3']);
      expect(seconds(Array(30).fill(at(20))).told).toEqual([]);
    });

    it('by default', () => {
      expect(admissionSettings.MAX_LOOP_DELAY_MS.parse(undefined)).toBe(50);
    });
  });

  it('is measured: a loop that is held up shows it, one that idles does not', async () => {
    const loop = new LoopDelay(systemClock);
    try {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const until = performance.now() + 300;
      while (performance.now() < until);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(loop.last.max).toBeGreaterThan(200);
      expect(loop.last.p50).toBeLessThan(200);
      expect(loop.smoothedMs).toBe(0);
    } finally {
      loop.close();
    }
  });
});

describe('the memory', () => {
  const reading = { heapUsed: 100, heapLimit: 1_000, rss: 300, rssLimit: 0 };

  it('is as full as the fuller of heap and container, at its least within ten seconds', () => {
    const clock = new FakeClock();
    let now = { ...reading };
    const watch = new MemoryWatch(clock, () => now);
    expect(watch.usedPercent).toBe(10);
    now = { ...reading, heapUsed: 900 };
    clock.advance(5_000);
    expect(watch.usedPercent, 'garbage between two collections').toBe(10);
    clock.advance(6_000);
    expect(watch.usedPercent, 'what no collection takes away').toBe(90);
    now = { ...reading, rssLimit: 400 };
    clock.advance(1_000);
    expect(watch.usedPercent).toBe(75);
    watch.close();
    expect(clock.pending).toBe(0);
  });

  it('is measured: what is held shows', () => {
    const before = processMemory();
    const held = Array.from({ length: 200_000 }, (_, i) => ({ i }));
    const after = processMemory();
    expect(after.heapUsed - before.heapUsed).toBeGreaterThan(held.length);
    expect(after.heapLimit).toBeGreaterThan(after.heapUsed);
    expect(after.rss).toBeGreaterThan(after.heapUsed / 2);
  });
});
