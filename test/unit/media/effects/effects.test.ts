import { describe, expect, it } from 'vitest';
import { Bursts } from '../../../../src/media/effects/bursts.ts';
import { Effects, type EffectsOptions } from '../../../../src/media/effects/chain.ts';
import { Echo } from '../../../../src/media/effects/echo.ts';
import type { Effect } from '../../../../src/media/effects/effect.ts';
import { Gain } from '../../../../src/media/effects/gain.ts';
import { Jitter } from '../../../../src/media/effects/jitter.ts';
import { Loss } from '../../../../src/media/effects/loss.ts';
import { Noise } from '../../../../src/media/effects/noise.ts';
import { TelephoneBand } from '../../../../src/media/effects/telephone-band.ts';
import { isSilent, rmsDbfs } from '../../../../src/media/level.ts';
import { Random } from '../../../../src/media/random.ts';
import { dominantTone, makeTone, toneLevel } from '../../../../src/media/tone.ts';

const RATE = 24_000;
const FRAME = 480;

/** Runs an effect over a copy, in pieces of these lengths in turn. */
function through(effect: Effect, samples: Int16Array, pieces: readonly number[] = [FRAME]): Int16Array {
  const out = samples.slice();
  for (let at = 0, turn = 0; at < out.length; turn++) {
    const end = Math.min(out.length, at + pieces[turn % pieces.length]!);
    effect.apply(out.subarray(at, end));
    at = end;
  }
  return out;
}

describe('chance that comes again', () => {
  it('is the same for the same seed and name, and another for any other', () => {
    const numbers = (seed: number, name = '') => {
      const random = new Random(seed, name);
      return Array.from({ length: 50 }, () => random.next());
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
    expect(numbers(1, 'a')).not.toEqual(numbers(1, 'b'));
    // Written down once: the same on every machine, and after every change.
    expect(numbers(7).slice(0, 3)).toMatchInlineSnapshot(`
      [
        0.26627959869802,
        0.7920597391203046,
        0.6920802791137248,
      ]
    `);
  });

  it('is even, normal and exponential as it says', () => {
    const random = new Random(3);
    const n = 100_000;
    const mean = (of: () => number) => Array.from({ length: n }, of).reduce((sum, x) => sum + x / n, 0);
    expect(mean(() => random.next())).toBeCloseTo(0.5, 2);
    expect(mean(() => random.normal())).toBeCloseTo(0, 1);
    expect(mean(() => random.normal() ** 2)).toBeCloseTo(1, 1);
    expect(mean(() => random.exponential(2))).toBeCloseTo(2, 1);
    const picked = new Set(Array.from({ length: 200 }, () => random.pick([1, 2, 3])));
    expect([...picked].sort()).toEqual([1, 2, 3]);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});

describe('gain', () => {
  it.each([-12, -6, 6])('changes a tone by %s dB, and stays within full scale', (db) => {
    const tone = makeTone(1_000, RATE, 500, -20);
    expect(toneLevel(through(new Gain(db), tone), RATE, 1_000)).toBeCloseTo(-20 + db, 1);
  });

  it('keeps what would be beyond full scale at full scale', () => {
    const loud = through(new Gain(20), makeTone(1_000, RATE, 100, -3));
    expect(Math.max(...loud)).toBe(32_767);
    expect(Math.min(...loud)).toBe(-32_768);
  });
});

describe('noise', () => {
  it.each(['white', 'pink'] as const)('%s has the level that it is said to have', (colour) => {
    const noise = through(new Noise(colour, -30, new Random(1)), new Int16Array(RATE * 20));
    expect(rmsDbfs(noise)).toBeCloseTo(-30, 0);
  });

  it('is as far below a tone as the SNR says', () => {
    const tone = makeTone(997, RATE, 4_000, -20);
    const noisy = new Noise('white', -20 - 10, new Random(2));
    const mixed = through(noisy, tone);
    const rest = mixed.map((sample, i) => sample - tone[i]!);
    expect(rmsDbfs(tone) - rmsDbfs(rest)).toBeCloseTo(10, 1);
  });

  it('is white, or 3 dB less an octave', () => {
    /** Power in each octave from 187.5 Hz to 6 kHz, dB, by tones at random within it. */
    const octaves = (colour: 'white' | 'pink') => {
      const samples = through(new Noise(colour, -20, new Random(4)), new Int16Array(RATE * 8));
      const random = new Random(5);
      return [250, 1_000, 4_000].map((low) => {
        let power = 0;
        const n = 400;
        for (let i = 0; i < n; i++) {
          const at = random.below(samples.length - 4_096);
          const level = toneLevel(samples.subarray(at, at + 4_096), RATE, low * (1 + random.next()));
          power += 10 ** (level / 10) / n;
        }
        return 10 * Math.log10(power);
      });
    };
    const [w0 = 0, w1 = 0, w2 = 0] = octaves('white');
    expect(Math.abs(w1 - w0)).toBeLessThan(1.5);
    expect(Math.abs(w2 - w1)).toBeLessThan(1.5);
    const [p0 = 0, p1 = 0, p2 = 0] = octaves('pink');
    // Two octaves further the density of pink noise is 6 dB lower.
    expect(p0 - p1).toBeGreaterThan(4.5);
    expect(p0 - p1).toBeLessThan(7.5);
    expect(p1 - p2).toBeGreaterThan(4.5);
    expect(p1 - p2).toBeLessThan(7.5);
  });
});

describe('bursts', () => {
  it('come as often as they should', () => {
    const effect = new Bursts(
      { sampleRate: RATE, perMinute: 30, dbfs: -25, sounds: ['phone', 'horn', 'siren', 'door'] },
      new Random(6),
    );
    const minutes = 20;
    through(effect, new Int16Array(RATE * 60 * minutes));
    // Time between two is counted from the end of the first: of 30 a minute, with sounds of 1.2 s on average, 18.75 are left.
    expect(effect.count / minutes).toBeGreaterThan(16);
    expect(effect.count / minutes).toBeLessThan(22);
  });

  it.each([
    ['horn', 0.7],
    ['siren', 2],
    ['phone', 1.2],
    ['door', 0.9],
  ] as const)('a %s has its level', (sound, seconds) => {
    const effect = new Bursts({ sampleRate: RATE, perMinute: 60, dbfs: -25, sounds: [sound] }, new Random(8));
    const samples = through(effect, new Int16Array(RATE * 30));
    const from = samples.findIndex((sample) => sample !== 0);
    expect(rmsDbfs(samples.subarray(from, from + RATE * seconds))).toBeCloseTo(-25, 0);
    expect(isSilent(samples.subarray(0, from))).toBe(true);
  });
});

describe('the band of a telephone', () => {
  it.each([
    [100, -200, -20],
    [500, -0.5, 0.5],
    [1_020, -0.5, 0.5],
    [3_000, -1, 0.5],
    [4_600, -200, -20],
    [8_000, -200, -35],
  ])('changes %s Hz by %s to %s dB', (hz, least, most) => {
    const out = through(new TelephoneBand(RATE), makeTone(hz, RATE, 1_000, -12)).subarray(RATE / 5);
    const change = toneLevel(out, RATE, hz) + 12;
    expect(change).toBeGreaterThan(least);
    expect(change).toBeLessThan(most);
  });

  it('leaves silence silent', () => {
    expect(through(new TelephoneBand(RATE), new Int16Array(RATE)).every((sample) => sample === 0)).toBe(true);
  });
});

describe('loss', () => {
  it.each([
    [0.02, 5],
    [0.1, 1],
    [0.3, 3],
  ])('loses %s of all frames, in runs of %s', (rate, run) => {
    const frames = 60_000;
    const effect = new Loss({ frame: 10, rate, run }, new Random(9));
    const out = through(effect, new Int16Array(frames * 10).fill(1), [7, 10, 33]);
    const lost = Array.from({ length: frames }, (_, i) => out[i * 10] === 0);
    for (let i = 0; i < frames; i++) {
      const frame = out.subarray(i * 10, (i + 1) * 10);
      if (frame.some((sample) => sample !== frame[0])) throw new Error(`frame ${i} is lost in part`);
    }
    const share = lost.filter(Boolean).length / frames;
    const runs = lost.filter((one, i) => one && !lost[i - 1]).length;
    expect(share / rate).toBeGreaterThan(0.9);
    expect(share / rate).toBeLessThan(1.1);
    expect((share * frames) / runs / run).toBeGreaterThan(0.9);
    expect((share * frames) / runs / run).toBeLessThan(1.1);
    expect(effect.lost).toBe(lost.filter(Boolean).length);
  });

  it('refuses what no channel can do', () => {
    expect(() => new Loss({ frame: 480, rate: 0, run: 1 }, new Random(1))).toThrow(RangeError);
    expect(() => new Loss({ frame: 480, rate: 0.5, run: 0.5 }, new Random(1))).toThrow(RangeError);
  });
});

describe('echo', () => {
  it('sends back what is heard, later and quieter, and nothing else', () => {
    const heard = makeTone(1_020, RATE, 1_000, -10);
    const echo = new Echo((RATE * 120) / 1000, 20);
    const out = new Int16Array(heard.length);
    for (let at = 0; at < out.length; at += FRAME)
      echo.apply(out.subarray(at, at + FRAME), heard.subarray(at, at + FRAME));
    expect(out.subarray(0, 2_880).every((sample) => sample === 0)).toBe(true);
    expect(toneLevel(out.subarray(2_880), RATE, 1_020)).toBeCloseTo(-30, 1);
    expect(dominantTone(out.subarray(2_880), RATE).hz).toBeCloseTo(1_020, 0);
  });
});

describe('jitter', () => {
  it('lets every frame arrive, in order, none too late, and not evenly', () => {
    const jitter = new Jitter<number>(3, new Random(10));
    const arrived: number[] = [];
    const bunches = new Map<number, number>();
    for (let step = 0; step < 10_000; step++) {
      const now = jitter.next(step);
      bunches.set(now.length, (bunches.get(now.length) ?? 0) + 1);
      for (const frame of now) {
        expect(step - frame).toBeLessThanOrEqual(3);
        arrived.push(frame);
      }
    }
    expect(jitter.size).toBeLessThanOrEqual(3);
    arrived.push(...jitter.flush());
    expect(arrived).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    expect(bunches.get(0)).toBeGreaterThan(1_000);
    expect(bunches.get(2)).toBeGreaterThan(1_000);
  });
});

describe('all effects together', () => {
  const everything: EffectsOptions = {
    gain_db: -3,
    echo: { delay_ms: 100, loss_db: 20 },
    noise: { snr_db: 15, colour: 'pink' },
    bursts: { per_minute: 20, snr_db: 5, sounds: ['phone', 'door'] },
    band: 'telephone',
    loss: { rate: 0.05, burst_ms: 60 },
    jitter: { max_ms: 60 },
  };

  function run(options: EffectsOptions, seed: number, frames = 500): Int16Array {
    const effects = new Effects(options, { sampleRate: RATE, seed, speechDbfs: -20 });
    const voice = makeTone(700, RATE, frames * 20, -20);
    const heard = makeTone(1_500, RATE, frames * 20, -15);
    const out: number[] = [];
    for (let at = 0; at < voice.length; at += FRAME)
      for (const frame of effects.next(voice.subarray(at, at + FRAME), heard.subarray(at, at + FRAME)))
        out.push(...frame);
    return Int16Array.from(out);
  }

  it('are the same to the bit for the same seed, and others for another', () => {
    expect(run(everything, 1)).toEqual(run(everything, 1));
    expect(run(everything, 1)).not.toEqual(run(everything, 2));
  });

  it('change nothing where there are none', () => {
    expect(run({}, 1)).toEqual(makeTone(700, RATE, 10_000, -20));
  });

  it('can have their noise turned on and off', () => {
    const effects = new Effects({}, { sampleRate: RATE, seed: 1, speechDbfs: -20 });
    const next = () => effects.next(new Int16Array(RATE), new Int16Array(RATE))[0]!;
    expect(isSilent(next())).toBe(true);
    effects.noise({ snr_db: 10, colour: 'white' });
    expect(rmsDbfs(next())).toBeCloseTo(-30, 0);
    effects.noise(undefined);
    expect(isSilent(next())).toBe(true);
  });
});
