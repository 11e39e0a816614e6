import { describe, expect, it } from 'vitest';
import { convertRate, mixDown } from '../../../src/media/convert.ts';
import { isToneAlone, makeTone, toneLevel } from '../../../src/media/tone.ts';

describe('a clip in another rate', () => {
  it.each([8_000, 11_025, 12_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000])(
    'of %i Hz keeps a tone, alone and as loud',
    (from) => {
      const out = convertRate(makeTone(1_000, from, 1_000, -12), from, 24_000);
      expect(out.length).toBe(24_000);
      const middle = out.subarray(2_400, 21_600);
      expect(isToneAlone(middle, 24_000, 1_000, { minDb: -14, maxOtherDb: -60 })).toBe(true);
      expect(toneLevel(middle, 24_000, 1_000)).toBeCloseTo(-12, 0);
    },
  );

  it('lets nothing fold back from above half its rate', () => {
    const out = convertRate(makeTone(15_000, 44_100, 500, -6), 44_100, 24_000);
    expect(toneLevel(out.subarray(1_200, 10_800), 24_000, 9_000)).toBeLessThan(-70);
  });

  it('is itself where the rates are one, nothing where there is nothing, and refuses what is no rate', () => {
    const clip = Int16Array.of(1, 2, 3);
    expect(convertRate(clip, 8_000, 8_000)).toBe(clip);
    expect(convertRate(new Int16Array(), 44_100, 24_000)).toHaveLength(0);
    expect(() => convertRate(clip, 0, 8_000)).toThrow(RangeError);
  });
});

it('mixes channels down, each with its share', () => {
  expect(mixDown([Int16Array.of(100, -32_768), Int16Array.of(300, -32_768)])).toEqual(Int16Array.of(200, -32_768));
  expect(mixDown([])).toHaveLength(0);
});
