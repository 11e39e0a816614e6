import { describe, expect, it } from 'vitest';
import { SILENCE_DBFS } from '../../../src/media/level.ts';
import { dominantTone, isToneAlone, makeTone, ToneGenerator, toneLevel } from '../../../src/media/tone.ts';

function mix(a: Int16Array, b: Int16Array): Int16Array {
  return a.map((sample, i) => sample + (b[i] ?? 0));
}

describe('ToneGenerator', () => {
  it('keeps its phase however it is asked', () => {
    const generator = new ToneGenerator(440, 8000, -6);
    const pieces: number[] = [];
    for (const length of [1, 159, 160, 7, 0, 473]) pieces.push(...generator.fill(new Int16Array(length)));
    expect(pieces).toEqual([...makeTone(440, 8000, 100, -6)]);
  });

  it('changes its frequency without a jump', () => {
    const generator = new ToneGenerator(440, 48_000, -6);
    const before = [...generator.fill(new Int16Array(500))];
    generator.hz = 600;
    expect(generator.hz).toBeCloseTo(600, 9);
    const after = [...generator.fill(new Int16Array(500))];
    const steepest = 32_768 * 0.5012 * ((2 * Math.PI * 600) / 48_000);
    expect(Math.abs(after[0]! - before[499]!)).toBeLessThanOrEqual(steepest + 1);
  });

  it('stays on frequency for an hour of samples', () => {
    const generator = new ToneGenerator(1004, 8000, -6);
    const skipped = new Int16Array(8000);
    for (let second = 0; second < 360; second++) generator.fill(skipped);
    const late = generator.fill(new Int16Array(8000));
    // 360 s hold a whole number of periods, so the wave must look as it did at the start.
    const start = makeTone(1004, 8000, 1000, -6);
    expect(late.every((sample, i) => Math.abs(sample - start[i]!) <= 1)).toBe(true);
  });

  it('never leaves the 16-bit range at full scale', () => {
    const tone = makeTone(1000, 8000, 100, 0);
    expect(Math.max(...tone)).toBe(32_767);
    expect(Math.min(...tone)).toBe(-32_767);
  });

  it.each([-1, 4001, Number.NaN])('refuses %s Hz at 8000 samples a second', (hz) => {
    expect(() => new ToneGenerator(hz, 8000)).toThrow(RangeError);
  });
});

describe('toneLevel', () => {
  it.each([
    { hz: 440, rate: 8000 },
    { hz: 443.7, rate: 8000 },
    { hz: 3333.3, rate: 24_000 },
    { hz: 1000, rate: 48_000 },
  ])('reads $hz Hz at $rate right to 0.01 dB, on or off a bin', ({ hz, rate }) => {
    for (const dbfs of [-1, -12, -40]) expect(toneLevel(makeTone(hz, rate, 200, dbfs), rate, hz)).toBeCloseTo(dbfs, 1);
    expect(Math.abs(toneLevel(makeTone(hz, rate, 200, -6), rate, hz) + 6)).toBeLessThan(0.01);
  });

  it('reads next to nothing away from the tone', () => {
    expect(toneLevel(makeTone(440, 8000, 200, 0), 8000, 880)).toBeLessThan(-85);
    expect(toneLevel(new Int16Array(1600), 8000, 440)).toBe(SILENCE_DBFS);
    expect(toneLevel(new Int16Array(0), 8000, 440)).toBe(SILENCE_DBFS);
  });
});

describe('dominantTone', () => {
  it.each([50, 123.4, 440, 1004, 2749.6, 3900])('finds %f Hz', (hz) => {
    const found = dominantTone(makeTone(hz, 8000, 200, -12), 8000);
    expect(Math.abs(found.hz - hz)).toBeLessThan(0.2);
    expect(Math.abs(found.dbfs + 12)).toBeLessThan(0.05);
  });

  it('finds the louder of two', () => {
    const both = mix(makeTone(440, 16_000, 100, -20), makeTone(1200, 16_000, 100, -14));
    const found = dominantTone(both, 16_000);
    expect(Math.abs(found.hz - 1200)).toBeLessThan(0.5);
    expect(found.dbfs).toBeCloseTo(-14, 1);
  });

  it('finds none in silence, in a constant and in nothing', () => {
    for (const samples of [new Int16Array(800), new Int16Array(800).fill(5000), new Int16Array(0)]) {
      expect(dominantTone(samples, 8000)).toEqual({ hz: 0, dbfs: SILENCE_DBFS });
    }
  });

  it('reads a wrong rate as a wrong frequency', () => {
    expect(dominantTone(makeTone(1000, 8000, 200), 16_000).hz).toBeCloseTo(2000, 0);
  });
});

describe('isToneAlone', () => {
  const limits = { minDb: -13, maxOtherDb: -60 };
  const tone = makeTone(1004, 8000, 200, -12);

  it('accepts the tone', () => {
    expect(isToneAlone(tone, 8000, 1004, limits)).toBe(true);
  });

  it('accepts it beside a constant and beside a second tone below the limit', () => {
    expect(isToneAlone(mix(tone, new Int16Array(1600).fill(500)), 8000, 1004, limits)).toBe(true);
    expect(isToneAlone(mix(tone, makeTone(1500, 8000, 200, -65)), 8000, 1004, limits)).toBe(true);
  });

  it('refuses a second tone above the limit, near or far', () => {
    for (const hz of [150, 950, 1060, 3900]) {
      expect(isToneAlone(mix(tone, makeTone(hz, 8000, 200, -55)), 8000, 1004, limits), `${hz} Hz`).toBe(false);
    }
  });

  it('refuses the wrong tone, a tone too quiet, silence and nothing', () => {
    expect(isToneAlone(tone, 8000, 1100, limits)).toBe(false);
    expect(isToneAlone(makeTone(1004, 8000, 200, -14), 8000, 1004, limits)).toBe(false);
    expect(isToneAlone(new Int16Array(1600), 8000, 1004, limits)).toBe(false);
    expect(isToneAlone(new Int16Array(0), 8000, 1004, limits)).toBe(false);
  });

  it('refuses a tone with a gap of 20 ms', () => {
    const broken = tone.slice();
    broken.fill(0, 700, 860);
    expect(isToneAlone(broken, 8000, 1004, limits)).toBe(false);
  });
});
