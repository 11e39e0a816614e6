import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESAMPLER_RATES, Resampler } from '../../../src/media/resample.ts';
import { dominantTone, makeTone, toneLevel } from '../../../src/media/tone.ts';

const pairs = RESAMPLER_RATES.flatMap((from) =>
  RESAMPLER_RATES.filter((to) => to !== from).map((to) => ({ from, to })),
);

/** A tone through a fresh resampler in 20 ms chunks, without the first 100 ms. */
function through(from: number, to: number, hz: number, dbfs = -1): Int16Array {
  const resampler = new Resampler(from, to);
  const tone = makeTone(hz, from, 500, dbfs);
  const out: number[] = [];
  for (let at = 0; at < tone.length; at += from / 50) out.push(...resampler.process(tone.subarray(at, at + from / 50)));
  return Int16Array.from(out.slice(to / 10));
}

/** Signal to everything else, in dB, of a tone whose amplitude and phase are fitted by least squares. */
function snr(signalAndNoise: Int16Array, rate: number, hz: number): number {
  // 250 ms hold whole periods of every multiple of 4 Hz: only then do the two sums below not see each other.
  const samples = signalAndNoise.subarray(0, rate / 4);
  let c = 0;
  let s = 0;
  samples.forEach((sample, i) => {
    c += (2 / samples.length) * sample * Math.cos((2 * Math.PI * hz * i) / rate);
    s += (2 / samples.length) * sample * Math.sin((2 * Math.PI * hz * i) / rate);
  });
  let signal = 0;
  let noise = 0;
  samples.forEach((sample, i) => {
    const phase = (2 * Math.PI * hz * i) / rate;
    const fitted = c * Math.cos(phase) + s * Math.sin(phase);
    signal += fitted * fitted;
    noise += (sample - fitted) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

function inChunks(resampler: Resampler, input: Int16Array, lengths: readonly number[]): number[] {
  const out: number[] = [];
  let at = 0;
  for (const length of lengths) {
    out.push(...resampler.process(input.subarray(at, at + length)));
    at += length;
  }
  out.push(...resampler.process(input.subarray(at)));
  return out;
}

describe.each(pairs)('resample $from > $to', ({ from, to }) => {
  const low = Math.min(from, to);

  it('is flat within 0.1 dB from 100 Hz to 3400 Hz, and to 0.43 of the lower rate', () => {
    for (const hz of [100, 200, 300, 700, 1000, 1700, 2400, 3000, 3400, 0.2 * low, 0.35 * low, 0.43 * low]) {
      expect(Math.abs(toneLevel(through(from, to, hz), to, hz) + 1), `${hz} Hz`).toBeLessThan(0.1);
    }
  });

  if (to > from) {
    it('leaves every image of a tone at -80 dB or below', () => {
      for (const hz of [300, 1000, 2000, 3000, 3400, 0.425 * low]) {
        const out = through(from, to, hz);
        for (let multiple = from; multiple <= to; multiple += from) {
          for (const image of [multiple - hz, multiple + hz]) {
            if (image < to / 2) expect(toneLevel(out, to, image) + 1, `${hz} Hz at ${image} Hz`).toBeLessThan(-80);
          }
        }
      }
    });
  } else {
    it('leaves the alias of every tone above the band at -80 dB or below', () => {
      const above = [0.575, 0.6, 0.625, 0.7, 0.8, 0.875, 0.96, 1.1, 1.3, 1.425, 1.58, 1.9, 2.1, 2.42, 2.6, 2.9];
      for (const hz of above.map((part) => part * low).filter((hz) => hz < from / 2)) {
        const out = through(from, to, hz);
        // The only tone that can be in the output is the alias, so the loudest one is it.
        expect(dominantTone(out, to).dbfs + 1, `${hz} Hz`).toBeLessThan(-80);
      }
    });
  }

  it('keeps a 1 kHz tone 85 dB above everything else', () => {
    // 1004 Hz as well: at 1000 Hz the same few samples recur, and part of their rounding passes for the tone.
    for (const hz of [1000, 1004]) expect(snr(through(from, to, hz), to, hz), `${hz} Hz`).toBeGreaterThan(85);
  });

  it('holds the audio back as long as it says, and 5 ms at the most', () => {
    const resampler = new Resampler(from, to);
    const input = new Int16Array(from / 10);
    input[from / 100] = 30_000;
    const out = resampler.process(input);
    const peak = out.indexOf(Math.max(...out));
    expect(peak - to / 100).toBe(resampler.latencySamples);
    expect(resampler.latencyMs).toBeCloseTo((resampler.latencySamples * 1000) / to, 9);
    expect(resampler.latencyMs).toBeLessThanOrEqual(5);
  });

  it.each([10, 20])('gives %i ms for %i ms, from the first chunk on', (ms) => {
    const resampler = new Resampler(from, to);
    const input = new Int16Array((from * ms) / 1000);
    for (let i = 0; i < 20; i++) expect(resampler.process(input)).toHaveLength((to * ms) / 1000);
  });

  it('gives the same output, to the bit, however the input is chunked', () => {
    fc.assert(
      fc.property(
        fc.int16Array({ minLength: 200, maxLength: 1200 }),
        fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 400 })), { maxLength: 12 }),
        (input, lengths) => {
          const whole = [...new Resampler(from, to).process(input)];
          expect(inChunks(new Resampler(from, to), input, lengths)).toEqual(whole);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('leaves out the work of silence and nothing else', () => {
    const run = fc.record({ loud: fc.boolean(), steps: fc.integer({ min: 1, max: 60 }) });
    const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 700 }), fc.constant(from / 100)), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 6 }), lengths, (runs, cuts) => {
        const input = Int16Array.from(
          runs.flatMap(({ loud, steps }, index) =>
            new Array(steps * 40).fill(0).map((_, i) => (loud ? 9_000 * Math.sin(i * (index + 0.3)) || 1 : 0)),
          ),
        );
        // With a sound at its end a single chunk is never silent: all of it goes through the filters.
        const whole = Int16Array.from([...input, 1]);
        expect(inChunks(new Resampler(from, to), whole, cuts)).toEqual(
          Array.from(new Resampler(from, to).process(whole)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same output for one long chunk as for chunks of 20 ms', () => {
    const input = makeTone(777, from, 3000, 0);
    const whole = [...new Resampler(from, to).process(input)];
    expect(whole).toHaveLength(3 * to);
    const lengths = new Array<number>(149).fill(from / 50);
    expect(inChunks(new Resampler(from, to), input, lengths)).toEqual(whole);
  });

  it('puts no clicks at the chunk boundaries', () => {
    const out = through(from, to, 400, 0);
    // The second difference of a sine is (2 pi f / rate)^2 of its amplitude; a click of a thousandth of full scale would stand out.
    const bend = 32_767 * ((2 * Math.PI * 400) / to) ** 2;
    for (let i = 2; i < out.length; i++) {
      expect(Math.abs(out[i]! - 2 * out[i - 1]! + out[i - 2]!)).toBeLessThan(bend + 33);
    }
  });

  it('saturates instead of wrapping', () => {
    // A full-scale square wave overshoots by Gibbs' 9 %; wrapped, it would jump across the whole range.
    const half = from / 400;
    const square = Int16Array.from({ length: from / 5 }, (_, i) => (Math.floor(i / half) % 2 === 0 ? 32_767 : -32_768));
    const out = new Resampler(from, to).process(square);
    expect(Math.max(...out)).toBe(32_767);
    expect(Math.min(...out)).toBe(-32_768);
    const inside = to / 400 / 2;
    const { latencySamples } = new Resampler(from, to);
    for (let k = 4; k < 70; k++) {
      const middle = out[latencySamples + Math.floor((k + 0.5) * 2 * inside)]!;
      expect(Math.sign(middle), `half wave ${k}`).toBe(k % 2 === 0 ? 1 : -1);
      expect(Math.abs(middle)).toBeGreaterThan(28_000);
    }
  });

  it('brings a constant through unchanged', () => {
    for (const value of [12_345, 32_700, -32_700]) {
      const out = new Resampler(from, to).process(new Int16Array(from / 10).fill(value));
      expect(new Set(out.slice(to / 50))).toEqual(new Set([value]));
    }
  });

  it('begins anew after reset', () => {
    const resampler = new Resampler(from, to);
    const input = makeTone(300, from, 20);
    const first = [...resampler.process(input)];
    resampler.process(input.subarray(0, 7));
    resampler.reset();
    expect([...resampler.process(input)]).toEqual(first);
  });

  it('keeps streams apart although they share their tables', () => {
    const a = makeTone(500, from, 100);
    const b = makeTone(1900, from, 100);
    const alone = [...new Resampler(from, to).process(a)];
    const first = new Resampler(from, to);
    const second = new Resampler(from, to);
    const out: number[] = [];
    for (let at = 0; at < a.length; at += 77) {
      out.push(...first.process(a.subarray(at, at + 77)));
      second.process(b.subarray(at, at + 77));
    }
    expect(out).toEqual(alone);
  });

  it('allocates nothing for a constant chunk size', () => {
    const resampler = new Resampler(from, to);
    const input = makeTone(300, from, 20);
    const view = resampler.process(input);
    for (let i = 0; i < 3000; i++) expect(resampler.process(input) === view).toBe(true);
    // Once the code is compiled, even one boxed number of 16 bytes per call would show as 64,000 bytes here.
    let grown = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 4000; i++) resampler.process(input);
      grown = Math.min(grown, Math.abs(process.memoryUsage().heapUsed - before));
    }
    expect(grown).toBeLessThan(30_000);
  });
});

describe('Resampler', () => {
  it('passes equal rates through without delay', () => {
    const input = Int16Array.of(1, -2, 32_767, -32_768);
    const resampler = new Resampler(16_000, 16_000);
    expect([...resampler.process(input)]).toEqual([...input]);
    expect(resampler.latencySamples).toBe(0);
  });

  it('takes nothing', () => {
    expect(new Resampler(8000, 48_000).process(new Int16Array(0))).toHaveLength(0);
  });

  it.each([
    [44_100, 8000],
    [8000, 22_050],
    [0, 8000],
    [Number.NaN, 8000],
  ])('refuses %i > %i', (from, to) => {
    expect(() => new Resampler(from, to)).toThrow(RangeError);
  });
});
