import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { UPLINK_AHEAD_MS, UPLINK_GAP_MS, UPLINK_MAX_MS, Uplink } from '../../../../src/agents/common/uplink.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { sine } from '../../../fakes/sine.ts';

/** Hz: a telephone's audio goes in at 16 kHz, all else at 48. */
let rate = 48_000;
/** Samples of one pushed frame. */
let frameSamples = 480;

/** The instant burst there may ever be: a lag of up to 80 ms made up for, and the stream up to 60 ms ahead, in whole frames. */
const BURST_MS = UPLINK_GAP_MS + 20 + UPLINK_AHEAD_MS + 10;

/** An uplink on a fake clock, with what it pushed and when. */
class Rig {
  readonly clock = new FakeClock();
  readonly out: Array<{ at: number; first: number; samples: Int16Array }> = [];
  readonly counted: Record<string, number> = {};
  readonly uplink = new Uplink({
    sampleRate: rate,
    push: (samples, offset) => {
      const copy = samples.slice(offset, offset + frameSamples);
      this.out.push({ at: this.clock.now(), first: copy[0]!, samples: copy });
    },
    clock: this.clock,
    count: (counter, n = 1) => {
      this.counted[counter] = (this.counted[counter] ?? 0) + n;
    },
  });
  #next = 1_000;

  constructor() {
    new Ticker(this.clock).subscribe((now) => this.uplink.tick(now));
  }

  /** `frames` x 10 ms of speech, each frame with a value of its own. Returns the values. */
  speech(frames: number): number[] {
    const values = Array.from({ length: frames }, () => this.#next++);
    const samples = new Int16Array(frames * frameSamples);
    values.forEach((value, i) => {
      samples.fill(value, i * frameSamples, (i + 1) * frameSamples);
    });
    this.uplink.write(samples);
    return values;
  }

  silence(frames: number, level = 0): void {
    const samples = new Int16Array(frames * frameSamples);
    for (let i = 0; i < samples.length; i++) samples[i] = i % 8 < 4 ? level : -level;
    this.uplink.write(samples);
  }

  /** `ms` of live audio in telephone frames: speech, or silence. Returns the values of the speech. */
  live(ms: number, what: 'speech' | 'silence'): number[] {
    const values: number[] = [];
    for (let t = 0; t < ms; t += 20) {
      if (what === 'speech') values.push(...this.speech(2));
      else this.silence(2);
      this.clock.advance(20);
    }
    return values;
  }

  /** What was pushed of the speech. */
  get said(): number[] {
    return this.out.filter((frame) => frame.first >= 1_000).map((frame) => frame.first);
  }

  /** How long after `at` the frame with this value was pushed. */
  pushedAt(value: number): number {
    return this.out.find((frame) => frame.first === value)?.at ?? Number.NaN;
  }

  get pushedMs(): number {
    return this.out.length * 10;
  }
}

/** The longest push beyond real time over any stretch, ms. */
function worstBurst(out: Rig['out']): number {
  // With x(i) = 10 i - at(i), the excess over the stretch i..j is x(j) - x(i) + 10.
  let lowest = Number.POSITIVE_INFINITY;
  let worst = 0;
  out.forEach((frame, i) => {
    const x = 10 * i - frame.at;
    lowest = Math.min(lowest, x);
    worst = Math.max(worst, x - lowest + 10);
  });
  return worst;
}

describe.each([48_000, 16_000])('the uplink at %i Hz', (hz) => {
  beforeEach(() => {
    rate = hz;
    frameSamples = hz / 100;
  });

  describe('audio in time', () => {
    it('is pushed within the write that brings it', () => {
      const rig = new Rig();
      for (let i = 0; i < 200; i++) {
        const before = rig.out.length;
        const [first, second] = rig.speech(2);
        expect(rig.out.slice(before).map((f) => f.first)).toEqual([first, second]);
        rig.clock.advance(20);
      }
      expect(rig.counted).toEqual({});
      expect(rig.uplink.queuedMs).toBe(0);
    });

    it('passes through jitter of 60 ms without delay, silence or loss', () => {
      const rig = new Rig();
      const values: number[] = [];
      for (let i = 0; i < 50; i++) {
        rig.clock.advance(60);
        const batch = rig.speech(6);
        values.push(...batch);
        expect(rig.pushedAt(batch.at(-1)!)).toBe(rig.clock.now());
      }
      expect(rig.said).toEqual(values);
      expect(rig.counted).toEqual({});
    });

    it('is the same to the sample however it is cut', () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 40 }), (cuts) => {
          const rig = new Rig();
          let value = 0;
          for (const cut of cuts) {
            rig.uplink.write(Int16Array.from({ length: cut }, () => 5_000 + (value++ % 20_000)));
            rig.clock.advance((cut * 1_000) / rate);
          }
          const whole = rig.out.flatMap((frame) => [...frame.samples]).filter((sample) => sample !== 0);
          expect(whole.length).toBeGreaterThanOrEqual(value - 2 * frameSamples);
          whole.forEach((sample, i) => {
            expect(sample).toBe(5_000 + (i % 20_000));
          });
        }),
        { numRuns: 30 },
      );
    });

    it('bears a carrier whose clock is 200 ppm slow for half an hour without a hole', () => {
      const rig = new Rig();
      for (let t = 0; t < 1_800_000; t += 20.004) {
        rig.uplink.write(new Int16Array(2 * frameSamples).fill(3_000));
        rig.clock.advance(20.004);
        rig.out.length = 0;
      }
      expect(rig.counted).toEqual({});
    });

    it('does not let a carrier whose clock is 200 ppm fast build up delay', () => {
      const rig = new Rig();
      for (let t = 0; t < 1_800_000; t += 1_000) {
        for (let i = 0; i < 40; i++) {
          rig.speech(2);
          rig.clock.advance(19.996);
        }
        for (let i = 0; i < 10; i++) {
          rig.silence(2);
          rig.clock.advance(19.996);
        }
        rig.out.length = 0;
        expect(rig.uplink.queuedMs).toBeLessThanOrEqual(20);
      }
      expect(rig.counted).toEqual({});
      expect(rig.uplink.skippedMs).toBeGreaterThan(200);
    });
  });

  describe('a gap', () => {
    it.each([100, 500, 5_000, 60_000])('of %i ms is filled with as much silence', (gap) => {
      const rig = new Rig();
      rig.live(1_000, 'speech');
      rig.clock.advance(gap);
      const after = rig.live(1_000, 'speech');
      expect(rig.said.slice(-after.length)).toEqual(after);
      expect(Math.abs(rig.counted['ms_uplink_silence']! - gap)).toBeLessThanOrEqual(20);
      expect(Math.abs(rig.pushedMs - rig.clock.now())).toBeLessThanOrEqual(20);
    });

    it('never lets the stream lag more than 80 ms', () => {
      const rig = new Rig();
      rig.live(200, 'speech');
      let lag = 0;
      for (let t = 0; t < 3_000; t++) {
        rig.clock.advance(1);
        lag = Math.max(lag, rig.clock.now() - rig.pushedMs);
      }
      expect(lag).toBeLessThanOrEqual(UPLINK_GAP_MS + 20);
    });

    it('starts the stream with silence before the first word, and does not count that', () => {
      const rig = new Rig();
      rig.clock.advance(1_000);
      expect(rig.pushedMs).toBeGreaterThanOrEqual(940);
      expect(rig.counted).toEqual({});
    });

    it('pads a begun frame, so that its samples do not wait for the end', () => {
      const rig = new Rig();
      rig.live(100, 'speech');
      rig.uplink.write(new Int16Array(100).fill(7_777));
      rig.clock.advance(200);
      const padded = rig.out.find((frame) => frame.first === 7_777);
      expect(padded?.samples[99]).toBe(7_777);
      expect(padded?.samples[100]).toBe(0);
    });

    it('whose audio comes late in one burst loses no word, and the delay goes again with the next pause', () => {
      const rig = new Rig();
      const values = rig.live(1_000, 'speech');
      rig.clock.advance(2_000);
      values.push(...rig.speech(200));
      expect(rig.uplink.queuedMs).toBeGreaterThan(1_900);
      values.push(...rig.live(1_000, 'speech'));
      rig.live(4_000, 'silence');
      expect(rig.uplink.queuedMs).toBe(0);
      const last = rig.live(500, 'speech');
      values.push(...last);
      expect(rig.said).toEqual(values);
      expect(rig.counted['ms_uplink_dropped']).toBeUndefined();
      // The last words pass without delay again.
      const before = rig.out.length;
      const [value] = rig.speech(2);
      expect(rig.out[before]?.first).toBe(value);
    });
  });

  describe('a standstill of this process', () => {
    it('is not taken for a gap: what waits in the sockets comes first', () => {
      const rig = new Rig();
      rig.live(500, 'speech');
      rig.clock.stall(400);
      const held = rig.speech(40);
      rig.live(2_000, 'silence');
      expect(rig.counted).toEqual({});
      expect(rig.said.slice(-40)).toEqual(held);
      expect(worstBurst(rig.out)).toBeLessThanOrEqual(BURST_MS);
    });
  });

  describe('a burst', () => {
    it('of 10 s from before the session was ready goes at real time, in order, its silence left out', () => {
      const rig = new Rig();
      const values: number[] = [];
      const samples: number[] = [];
      for (let i = 0; i < 10; i++) {
        values.push(...Array.from({ length: 40 }, (_, k) => 2_000 + i * 40 + k));
        samples.push(...values.slice(-40).flatMap((v) => new Array<number>(frameSamples).fill(v)));
        samples.push(...new Array<number>(60 * frameSamples).fill(0));
      }
      rig.uplink.write(Int16Array.from(samples));
      expect(rig.pushedMs).toBeLessThanOrEqual(BURST_MS);
      rig.live(6_000, 'silence');
      expect(rig.said).toEqual(values);
      // 4 s of speech with 50 ms kept of each pause.
      expect(rig.pushedAt(values.at(-1)!)).toBeLessThan(4_700);
      expect(rig.uplink.queuedMs).toBe(0);
      expect(worstBurst(rig.out)).toBeLessThanOrEqual(BURST_MS);
      expect(rig.counted['ms_uplink_dropped']).toBeUndefined();
    });

    it('keeps a short pause between words', () => {
      const rig = new Rig();
      const first = 1_500;
      const samples = new Int16Array(300 * frameSamples);
      samples.fill(first, 0, 100 * frameSamples);
      samples.fill(first + 1, 200 * frameSamples);
      rig.uplink.write(samples);
      rig.clock.advance(3_000);
      const begin = rig.out.findLastIndex((frame) => frame.first === first);
      const end = rig.out.findIndex((frame) => frame.first === first + 1);
      expect(end - begin - 1).toBeGreaterThanOrEqual(5);
      expect(end - begin - 1).toBeLessThanOrEqual(9);
    });

    it('with a tone in it loses nothing of it, whatever part of the rate its pitch is', () => {
      for (const hz of [rate / 12, rate / 8, rate / 4, 1_000, 2_000]) {
        for (const phase of [0, Math.PI / 2]) {
          const rig = new Rig();
          rig.live(200, 'silence');
          rig.uplink.write(sine(hz, rate, 1_000, phase, 3_000));
          rig.clock.advance(1_500);
          expect(rig.uplink.skippedMs, `${hz} Hz`).toBe(0);
        }
      }
    });

    it('longer than 10 s loses its oldest audio, and counts it', () => {
      const rig = new Rig();
      const values = rig.speech(1_500);
      expect(rig.uplink.queuedMs).toBe(UPLINK_MAX_MS);
      const lost = rig.counted['ms_uplink_dropped']! / 10;
      rig.clock.advance(11_000);
      expect(rig.said.length).toBe(1_500 - lost);
      expect(rig.said.slice(-1_000)).toEqual(values.slice(-1_000));
    });

    it('in a noisy room wins its delay back too: what is near the noise floor is silence', () => {
      const rig = new Rig();
      const level = Math.round(32_768 * 10 ** (-42 / 20));
      for (let i = 0; i < 50; i++) {
        rig.silence(2, level);
        rig.clock.advance(20);
      }
      rig.clock.advance(1_000);
      const values: number[] = [];
      for (let i = 0; i < 5; i++) {
        values.push(...rig.speech(10));
        rig.silence(10, level);
      }
      rig.live(1_500, 'silence');
      expect(rig.said).toEqual(values);
      expect(rig.uplink.queuedMs).toBe(0);
      expect(rig.uplink.skippedMs).toBeGreaterThan(0);
    });

    it('is gone after clear', () => {
      const rig = new Rig();
      rig.speech(500);
      const pushed = rig.said.length;
      rig.uplink.clear();
      expect(rig.uplink.queuedMs).toBe(0);
      rig.clock.advance(1_000);
      expect(rig.said.length).toBe(pushed);
    });
  });

  describe('whatever comes', () => {
    const step = fc.record({
      waitMs: fc.oneof(fc.constant(20), fc.integer({ min: 0, max: 400 })),
      frames: fc.oneof(fc.constant(2), fc.integer({ min: 0, max: 30 })),
      silent: fc.boolean(),
      stall: fc.boolean(),
    });

    it('loses and reorders no speech within its bound, never bursts, and ends without delay', () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
          const rig = new Rig();
          const values: number[] = [];
          let written = 0;
          for (const { waitMs, frames, silent, stall } of steps) {
            // Under the bound: what could wait is never more than 10 s.
            if (written - rig.clock.now() > 9_000) break;
            if (silent) rig.silence(frames);
            else values.push(...rig.speech(frames));
            written += frames * 10;
            if (stall) rig.clock.stall(waitMs);
            else rig.clock.advance(waitMs);
          }
          rig.live(12_000, 'silence');
          expect(rig.said).toEqual(values);
          expect(rig.uplink.queuedMs).toBe(0);
          expect(rig.counted['ms_uplink_dropped']).toBeUndefined();
          expect(worstBurst(rig.out)).toBeLessThanOrEqual(BURST_MS);
          const probe = rig.speech(2);
          expect(rig.out.slice(-2).map((frame) => frame.first)).toEqual(probe);
        }),
        { numRuns: 100 },
      );
      // Minutes of audio, frame by frame: on a machine that does other things at the same time it takes its time.
    }, 30_000);
  });
});
