import { describe, expect, it } from 'vitest';
import { soundOf } from '../../../src/measure/sound.ts';
import { listen } from '../../../src/measure/speech.ts';
import { rate, spread } from '../../../src/measure/statistics.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { RATE, random } from './conversations.ts';

const PER_MS = RATE / 1000;
const sound = (samples: Int16Array) => soundOf(samples, listen(samples, RATE), RATE);
const tone = (ms: number, dbfs: number) => makeTone(1_020, RATE, ms, dbfs);
function channel(ms: number, at: number, samples: Int16Array, noise = 0): Int16Array {
  const r = random(5);
  const out = new Int16Array(ms * PER_MS).map(() => (r() * 2 - 1) * noise);
  samples.forEach((sample, i) => {
    out[at * PER_MS + i]! += sample;
  });
  return out;
}

describe('sound', () => {
  it('has the level of its speech, not of its silence', () => {
    const got = sound(channel(5_000, 1_000, tone(1_000, -20)));
    expect(got).toMatchObject({ speechMs: 1_000, clippedSamples: 0, dropouts: [], snrDb: null, noiseDbfs: -127 });
    expect(got.levelDbfs).toBeCloseTo(-20, 0);
    expect(got.peakDbfs).toBeCloseTo(-20, 0);
    expect(sound(new Int16Array(RATE))).toMatchObject({ speechMs: 0, levelDbfs: null, peakDbfs: null, snrDb: null });
  });

  it('stands above its noise by so much', () => {
    // White noise of peak P has an RMS of P / sqrt(3), and a sine as loud reads 3 dB more.
    const got = sound(channel(5_000, 1_000, tone(1_000, -20), 300));
    const noise = 20 * Math.log10((300 / Math.sqrt(3) / 32_768) * Math.SQRT2);
    expect(Math.abs(got.noiseDbfs! - noise)).toBeLessThan(0.6);
    expect(Math.abs(got.snrDb! - (-20 - noise))).toBeLessThan(0.8);
  });

  it('is clipped where samples in a row are at full scale', () => {
    const loud = tone(1_000, 0).map((sample) => Math.max(-32_768, Math.min(32_767, sample * 2)));
    expect(sound(channel(3_000, 1_000, loud)).clippedSamples).toBeGreaterThan(10_000);
    const once = channel(3_000, 1_000, tone(1_000, -20));
    once[30_000] = 32_767;
    expect(sound(once).clippedSamples).toBe(0);
  });

  it.each([20, 60, 200])('has a hole of %i ms where audio was lost, and none where a word ended', (ms) => {
    const speech = tone(1_500, -18);
    speech.fill(0, 500 * PER_MS, (500 + ms) * PER_MS);
    const [hole, ...more] = sound(channel(4_000, 1_000, speech)).dropouts;
    expect(more).toEqual([]);
    expect(Math.abs(hole!.fromMs - 1_500)).toBeLessThan(1);
    expect(Math.abs(hole!.toMs - 1_500 - ms)).toBeLessThan(1);
    const words = tone(1_500, -18);
    for (let i = 0; i < (ms + 10) * PER_MS; i++) {
      const left = Math.min(1, Math.max(0, (5 * PER_MS - i) / (5 * PER_MS)));
      const right = Math.min(1, Math.max(0, (i - (ms + 5) * PER_MS) / (5 * PER_MS)));
      words[500 * PER_MS + i]! *= Math.max(left, right);
    }
    expect(sound(channel(4_000, 1_000, words)).dropouts).toEqual([]);
  });
});

describe('statistics', () => {
  it('give a figure only where there are values enough for it', () => {
    const to = (n: number) => Array.from({ length: n }, (_, i) => n - i);
    expect(spread([])).toEqual({ n: 0, mean: null, p50: null, p90: null, p95: null, p99: null, max: null });
    expect(spread([7, 3])).toMatchObject({ n: 2, mean: 5, p50: null, max: 7 });
    expect(spread(to(9))).toMatchObject({ p50: 5, p90: null });
    expect(spread(to(10))).toMatchObject({ p50: 5, p90: 9, p95: null });
    expect(spread(to(20))).toMatchObject({ p90: 18, p95: 19, p99: null });
    expect(spread(to(100))).toEqual({ n: 100, mean: 50.5, p50: 50, p90: 90, p95: 95, p99: 99, max: 100 });
    expect(rate(3, 9)).toEqual({ n: 9, count: 3, rate: null });
    expect(rate(3, 10)).toEqual({ n: 10, count: 3, rate: 0.3 });
  });
});
