import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbound } from '../../../../src/callers/phone/inbound.ts';
import { counts } from './counts.ts';

const RATE = 8000;
const FRAME = 160;

/** Frame number n carries the value n + 1 in every sample; silence is 0. */
function frame(n: number, samples = FRAME): Int16Array {
  return new Int16Array(samples).fill(n + 1);
}

function rig(sampleRate = RATE) {
  const out: number[] = [];
  const tally = counts();
  const inbound = new Inbound({ sampleRate, count: tally.count, write: (s) => out.push(...s) }, 0);
  return {
    inbound,
    of: tally.of,
    samples: out,
    /** The runs of equal samples: [value, milliseconds]. */
    runs(): Array<[number, number]> {
      const runs: Array<[number, number]> = [];
      for (const value of out) {
        const last = runs.at(-1);
        if (last !== undefined && last[0] === value) last[1] += 1000 / sampleRate;
        else runs.push([value, 1000 / sampleRate]);
      }
      return runs.map(([value, ms]) => [value, Math.round(ms)]);
    },
  };
}

describe('inbound audio', () => {
  it('passes frames in order at once', () => {
    const r = rig();
    for (let n = 0; n < 5; n++) {
      r.inbound.push(frame(n), n * 20, n * 20);
      expect(r.samples.length).toBe((n + 1) * FRAME);
    }
    expect(r.inbound.held).toBe(0);
  });

  it('puts a frame back that was overtaken', () => {
    const r = rig();
    for (const n of [0, 1, 3, 2, 4]) r.inbound.push(frame(n), n * 20, 50);
    expect(r.runs().map(([value]) => value)).toEqual([1, 2, 3, 4, 5]);
    expect(r.of('frames_reordered')).toBe(1);
    expect(r.of('ms_filled')).toBe(0);
  });

  it('restores any order within the window', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3], { minLength: 3 }), fc.nat(20), (order, blocks) => {
        const r = rig();
        r.inbound.push(frame(0), 0, 0);
        for (let b = 0; b <= blocks; b++)
          for (const n of order) r.inbound.push(frame(b * 3 + n), (b * 3 + n) * 20, b * 60);
        expect(r.runs().map(([value]) => value)).toEqual(Array.from({ length: blocks * 3 + 4 }, (_, i) => i + 1));
      }),
    );
  });

  it('waits 60 ms for what is missing, then puts silence there', () => {
    const r = rig();
    r.inbound.push(frame(0), 0, 0);
    r.inbound.push(frame(2), 40, 40);
    r.inbound.tick(80);
    expect(r.samples.length).toBe(FRAME);
    r.inbound.tick(100);
    expect(r.runs()).toEqual([
      [1, 20],
      [0, 20],
      [3, 20],
    ]);
    expect(r.of('ms_filled')).toBe(20);
    // What comes after its place was filled is too late.
    r.inbound.push(frame(1), 20, 110);
    expect(r.of('frames_late')).toBe(1);
    expect(r.samples.length).toBe(3 * FRAME);
  });

  it('ends the wait by the audio that came, when a stuck network delivers all at once', () => {
    const r = rig();
    r.inbound.push(frame(0), 0, 0);
    for (const n of [2, 3, 4, 5, 6]) r.inbound.push(frame(n), n * 20, 1);
    expect(r.runs().map(([value]) => value)).toEqual([1, 0, 3, 4, 5, 6, 7]);
    expect(r.inbound.held).toBe(0);
  });

  it('drops duplicates, held ones too', () => {
    const r = rig();
    for (const n of [0, 1, 1, 0, 3, 3, 2, 2]) r.inbound.push(frame(n), n * 20, 10);
    expect(r.runs().map(([value]) => value)).toEqual([1, 2, 3, 4]);
    expect(r.of('frames_duplicate')).toBe(4);
    expect(r.of('frames_late')).toBe(0);
  });

  it('fills a silence that the carrier did not send, 10 s at most', () => {
    const r = rig();
    r.inbound.push(frame(0), 0, 0);
    r.inbound.push(frame(1), 3_020, 20);
    for (let now = 20; now <= 100; now += 20) r.inbound.tick(now);
    expect(r.runs()).toEqual([
      [1, 20],
      [0, 3_000],
      [2, 20],
    ]);
    for (let now = 120; now <= 60_100; now += 20) r.inbound.tick(now);
    r.inbound.push(frame(2), 63_040, 60_100);
    for (let now = 60_120; now <= 60_180; now += 20) r.inbound.tick(now);
    expect(r.runs()[3]).toEqual([0, 10_000]);
    expect(r.of('ms_filled')).toBe(13_000);
  });

  it('writes silence in real time when nothing comes, and does not fill that twice', () => {
    const r = rig();
    r.inbound.push(frame(0), 0, 0);
    for (let now = 20; now <= 2_000; now += 20) r.inbound.tick(now);
    // 2000 less 750 ms of patience.
    expect(r.samples.length / 8).toBe(20 + 1_240);
    r.inbound.push(frame(1), 2_020, 2_010);
    expect(r.runs()).toEqual([
      [1, 20],
      [0, 2_000],
      [2, 20],
    ]);
    expect(r.of('ms_filled')).toBe(2_000);
  });

  it('goes on without a gap when delayed frames come after silence was written', () => {
    const r = rig();
    r.inbound.push(frame(0), 0, 0);
    for (let now = 20; now <= 1_000; now += 20) r.inbound.tick(now);
    for (let n = 1; n < 50; n++) r.inbound.push(frame(n), n * 20, 1_000);
    expect(r.of('frames_late')).toBe(0);
    expect(r.runs().map(([value]) => value)).toEqual([1, 0, ...Array.from({ length: 49 }, (_, i) => i + 2)]);
  });

  it('stops writing silence after 10 s, and begins before the first frame too', () => {
    const r = rig();
    for (let now = 20; now <= 30_000; now += 20) r.inbound.tick(now);
    expect(r.samples.length / 8).toBe(10_000);
  });

  it('does not take a stall of our own for a silent carrier', () => {
    const r = rig();
    r.inbound.push(frame(0), 0, 0);
    r.inbound.tick(20);
    r.inbound.tick(1_500);
    expect(r.samples.length).toBe(FRAME);
  });

  it('lets frames without timestamps, or with constant ones, pass', () => {
    const none = rig();
    for (let n = 0; n < 10; n++) none.inbound.push(frame(n), undefined, n * 20);
    expect(none.samples.length).toBe(10 * FRAME);
    const constant = rig();
    for (let n = 0; n < 10; n++) constant.inbound.push(frame(n), 0, n * 20);
    // The first repeats look like duplicates; from the third on the timestamps are known to mean nothing.
    expect(constant.samples.length).toBe(8 * FRAME);
  });

  it('follows a counter that began anew', () => {
    const r = rig();
    for (let n = 0; n < 100; n++) r.inbound.push(frame(n), 10_000 + n * 20, n * 20);
    for (let n = 100; n < 110; n++) r.inbound.push(frame(n), (n - 100) * 20, n * 20);
    expect(r.of('frames_late')).toBe(2);
    expect(r.runs().at(-1)).toEqual([110, 20]);
  });

  it('neither drops nor holds frames of a carrier whose stamps jitter', () => {
    const r = rig();
    const jitter = [0, 7, -6, 9, -8, 3, 8, -7, 5, -4];
    let passed = 0;
    for (let n = 0; n < 500; n++) {
      r.inbound.push(frame(n), 1_000 + n * 20 + jitter[n % 10]!, n * 20);
      if (n >= 20) passed++;
    }
    expect(r.of('frames_late')).toBe(0);
    expect(r.of('frames_duplicate')).toBe(0);
    expect(r.inbound.held).toBe(0);
    expect(passed).toBe(480);
    // At most the few frames before the jitter was understood were spaced out by silence.
    expect(r.samples.length / 8).toBeLessThan(500 * 20 + 200);
    const before = r.of('ms_filled');
    r.inbound.push(frame(500), 1_000 + 500 * 20 + 1_000, 11_000);
    expect(r.of('ms_filled') - before).toBeGreaterThan(800);
  });

  it('works at other rates and frame sizes', () => {
    const r = rig(24_000);
    r.inbound.push(frame(0, 720), 0, 0);
    r.inbound.push(frame(1, 240), 30, 30);
    r.inbound.push(frame(2, 480), 100, 100);
    for (let now = 20; now <= 160; now += 20) r.inbound.tick(now);
    expect(r.runs()).toEqual([
      [1, 30],
      [2, 10],
      [0, 60],
      [3, 20],
    ]);
  });

  it('forgets the old stream', () => {
    const r = rig();
    r.inbound.push(frame(0), 50_000, 0);
    r.inbound.push(frame(1), 50_040, 20);
    r.inbound.reset(30);
    r.inbound.push(frame(2), 0, 40);
    r.inbound.push(frame(3), 20, 60);
    expect(r.runs().map(([value]) => value)).toEqual([1, 3, 4]);
  });
});

/** A stream of messages on a clock, and what comes of it: how much of it is speech, and how far it was ahead of the clock at the most, ms. */
function flood(
  next: (n: number) => { stamp: number | undefined; samples: number },
  perSecond: number,
  seconds: number,
) {
  const tally = counts();
  let ms = 0;
  let heardMs = 0;
  let worstAheadMs = 0;
  const write = (written: Int16Array) => {
    ms += written.length / 8;
    if (written[0] !== 0) heardMs += written.length / 8;
  };
  const inbound = new Inbound({ sampleRate: RATE, count: tally.count, write }, 0);
  let nextTick = 20;
  for (let n = 0; n < perSecond * seconds; n++) {
    const now = (n * 1000) / perSecond;
    for (; nextTick <= now; nextTick += 20) inbound.tick(nextTick);
    const { stamp, samples } = next(n);
    inbound.push(frame(1, samples), stamp, now);
    worstAheadMs = Math.max(worstAheadMs, ms - now);
  }
  return { inbound, of: tally.of, ms, heardMs, worstAheadMs };
}

describe('flooding is counted in milliseconds of audio, filled silence too', () => {
  const BURST_MS = 5_000;
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const attacks: Record<string, (n: number) => number | undefined> = {
    'jump by 10,007 ms each': (n) => n * 10_007,
    'jump by 9,999 ms every other message': (n) => Math.floor(n / 2) * 9_999 + (n % 2) * 20,
    'count samples, not milliseconds': (n) => n * 160,
    'count microseconds': (n) => n * 20_000,
    'grow without end': (n) => 2 ** Math.min(n, 52),
    'are random and huge': () => Math.floor(random() * 2 ** 52),
    'are random within a minute': () => Math.floor(random() * 60_000),
    'jump ahead and back': (n) => (n % 2 === 0 ? n * 20 : 5_000_000 + n * 10_007),
    'jump ahead, and are gone in between': (n) => (n % 2 === 0 ? undefined : n * 10_007),
    'count down': (n) => 10_000_000 - n * 10_007,
    'wrap at 32 bits': (n) => (4_294_960_000 + n * 5_003) % 4_294_967_296,
  };
  it.each(Object.keys(attacks))(
    'when timestamps %s: never more than the time since the start, and the burst',
    (name) => {
      for (const samples of [8, 40, 160]) {
        const f = flood((n) => ({ stamp: attacks[name]!(n), samples }), 375, 20);
        expect(f.worstAheadMs, `frames of ${samples}`).toBeLessThanOrEqual(BURST_MS);
      }
    },
  );

  it('when audio itself comes at twice real time for good: the rest is dropped, and counted', () => {
    const f = flood((n) => ({ stamp: n * 20, samples: FRAME }), 100, 60);
    expect(f.worstAheadMs).toBeLessThanOrEqual(BURST_MS);
    expect(f.ms + f.of('ms_dropped_flood')).toBe(120_000);
  });

  it('but nothing is dropped of a stream that keeps real time, however long, with jitter and stalls of seconds', () => {
    const tally = counts();
    let samples = 0;
    const write = (written: Int16Array) => {
      samples += written.length;
    };
    const inbound = new Inbound({ sampleRate: RATE, count: tally.count, write }, 0);
    const speech = frame(1);
    let tick = 20;
    let due = 0;
    for (let now = 0; now < 3_600_000; now += 20) {
      for (; tick <= now; tick += 20) inbound.tick(tick);
      // Every minute the network is stuck for four seconds, then all comes at once.
      if (now % 60_000 >= 56_000) continue;
      for (; due <= now; due += 20) inbound.push(speech, due, now);
    }
    expect(tally.of('ms_dropped_flood')).toBe(0);
    expect(tally.of('frames_late')).toBe(0);
    expect(samples / 8 - tally.of('ms_filled')).toBe(due);
    expect(tally.of('ms_filled')).toBeLessThan(5_000);
  });

  it('and a caller is heard, whatever the timestamps do', () => {
    for (const [name, stamp] of Object.entries(attacks)) {
      const f = flood((n) => ({ stamp: stamp(n), samples: FRAME }), 50, 30);
      expect(f.heardMs, name).toBeGreaterThan(29_000);
      expect(f.inbound.held, name).toBeLessThanOrEqual(3);
    }
  });

  it('and one timestamp that is wrong costs two frames, and four seconds of silence at most', () => {
    const r = rig();
    for (let n = 0; n < 200; n++) {
      r.inbound.push(frame(n), n === 100 ? 999_999_999_999_999 : n * 20, n * 20);
      r.inbound.tick(n * 20);
    }
    expect(r.of('ms_filled')).toBeLessThanOrEqual(4_020);
    expect(new Set(r.samples).size).toBeGreaterThan(194);
  });
});

describe('frames of any length', () => {
  it.each([1, 4, 8, 13, 20, 40, 163, 240, 800, 4_000])('pass in order, each once: %i samples', (length) => {
    const r = rig();
    let at = 0;
    const count = Math.ceil(16_000 / length);
    for (let n = 0; n < count; n++) {
      r.inbound.push(frame(n % 1_000, length), Math.floor(at / 8), Math.floor(at / 8));
      at += length;
    }
    for (let now = 0; now < 200; now += 20) r.inbound.tick(at / 8 + now);
    expect(r.samples).toEqual(Array.from({ length: count * length }, (_, i) => (Math.floor(i / length) % 1_000) + 1));
    expect(r.of('ms_filled')).toBe(0);
  });
});
