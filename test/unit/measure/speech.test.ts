import { describe, expect, it } from 'vitest';
import { listen } from '../../../src/measure/speech.ts';
import { dbfsToAmplitude, SILENCE_DBFS } from '../../../src/media/level.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { toneWords } from '../../../src/simulator/openai-http/tone-words.ts';
import { wavFile } from '../../../src/simulator/realtime/speech.ts';
import { RATE, random, side } from './conversations.ts';

const PER_MS = RATE / 1000;
const found = (samples: Int16Array) =>
  listen(samples, RATE).speech.map(({ from, to }) => [Math.round(from / PER_MS), Math.round(to / PER_MS)]);

/** Silence with something in it. */
function channel(ms: number, ...parts: Array<readonly [atMs: number, samples: Int16Array]>): Int16Array {
  const out = new Int16Array(ms * PER_MS);
  for (const [at, samples] of parts) {
    for (let i = 0; i < samples.length; i++) out[at * PER_MS + i]! += samples[i]!;
  }
  return out;
}

/** Noise of one colour; each is the one before with less of its high frequencies. */
function noise(seed: number, ms: number, dbfs: number, colour: 'white' | 'pink' | 'brown' = 'white'): Int16Array {
  const r = random(seed);
  let slow = 0;
  let slower = 0;
  const raw = Float64Array.from({ length: ms * PER_MS }, () => {
    const x = r() * 2 - 1;
    slow = 0.99 * slow + x;
    slower = 0.98 * slower + x;
    return colour === 'white' ? x : colour === 'pink' ? x + 0.3 * slow : slower;
  });
  const rms = Math.sqrt(raw.reduce((sum, x) => sum + x * x, 0) / raw.length);
  const gain = (32_768 * dbfsToAmplitude(dbfs)) / Math.SQRT2 / rms;
  return Int16Array.from(raw, (x) => Math.max(-32_768, Math.min(32_767, x * gain)));
}

describe('speech', () => {
  it.each(Array.from({ length: 10 }, (_, i) => i * 100))(
    'is found in channels %i and 99 more: none missed, none made up, each edge within 20 ms',
    (first) => {
      for (let seed = first + 1; seed <= first + 100; seed++) {
        const { samples, truth, line } = side(seed);
        const { speech } = listen(samples, RATE);
        expect(speech.length, `seed ${seed} on ${JSON.stringify(line)}`).toBe(truth.length);
        for (const [i, { from, to }] of truth.entries()) {
          expect(Math.abs(speech[i]!.from - from) / PER_MS, `seed ${seed}: beginning ${i}`).toBeLessThanOrEqual(20);
          expect(Math.abs(speech[i]!.to - to) / PER_MS, `seed ${seed}: end ${i}`).toBeLessThanOrEqual(20);
        }
      }
    },
  );

  it('is not made of noise, however loud, short or long', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const r = random(seed);
      const colour = (['white', 'pink', 'brown'] as const)[seed % 3]!;
      const burst = noise(seed, Math.round(100 + r() * 1_800), -45 + r() * 35, colour);
      expect(found(channel(4_000, [Math.round(r() * 2_000), burst])), `seed ${seed}, ${colour}`).toEqual([]);
    }
    expect(found(noise(7, 3_000, -20))).toEqual([]);
  });

  it('is not made of clicks, nor of an offset', () => {
    const click = noise(1, 5, -6);
    expect(found(channel(3_000, [300, click], [1_000, click], [1_200, click], [2_500, click]))).toEqual([]);
    expect(found(new Int16Array(24_000).fill(3_000))).toEqual([]);
  });

  it('is tones, short or all of the channel', () => {
    expect(found(channel(2_000, [500, makeTone(1_020, RATE, 80, -30)]))).toEqual([[500, 580]]);
    expect(found(makeTone(440, RATE, 3_000, -20))).toEqual([[0, 3_000]]);
    const words = toneWords('a table for two, please.');
    expect(found(channel(4_000, [1_000, words]))).toEqual([[1_000, 1_000 + words.length / PER_MS]]);
  });

  it('ends with its last sound, not with the silence that synthetic speech brings along', () => {
    const said = wavFile(new URL('../../../src/simulator/assets/still-there.wav', import.meta.url));
    const quiet = [...said].findLastIndex((sample) => Math.abs(sample) > 200) / PER_MS;
    expect(said.length / PER_MS - quiet).toBeGreaterThan(35);
    const [[from, to] = [], ...more] = found(channel(4_000, [1_000, said]));
    expect(more).toEqual([]);
    expect(Math.abs(from! - 1_000)).toBeLessThanOrEqual(20);
    expect(Math.abs(to! - 1_000 - quiet)).toBeLessThanOrEqual(20);
  });

  it('is one stretch over pauses that people make within it, and two over longer ones', () => {
    const tone = makeTone(300, RATE, 400, -20);
    expect(found(channel(2_000, [100, tone], [740, tone]))).toEqual([[100, 1_140]]);
    expect(found(channel(2_000, [100, tone], [760, tone]))).toEqual([
      [100, 500],
      [760, 1_160],
    ]);
    const { sounds } = listen(channel(2_000, [100, tone], [740, tone]), RATE);
    expect(sounds.length).toBe(2);
  });

  it('is told from noise that comes up before it', () => {
    const tone = makeTone(300, RATE, 500, -14);
    const [[from, to] = []] = found(channel(4_000, [500, noise(3, 3_000, -35)], [2_000, tone]));
    expect(Math.abs(from! - 2_000)).toBeLessThanOrEqual(20);
    expect(Math.abs(to! - 2_500)).toBeLessThanOrEqual(20);
  });

  it('knows the level of what is none of it', () => {
    expect(listen(channel(2_000, [500, makeTone(300, RATE, 500, -14)]), RATE).noiseDbfs).toBe(SILENCE_DBFS);
    const noisy = channel(4_000, [0, noise(3, 4_000, -42)], [1_000, makeTone(300, RATE, 500, -14)]);
    expect(Math.abs(listen(noisy, RATE).noiseDbfs! + 42)).toBeLessThan(1);
    expect(listen(makeTone(300, RATE, 500, -14), RATE).noiseDbfs).toBeUndefined();
    expect(listen(new Int16Array(0), RATE)).toEqual({ speech: [], sounds: [], noiseDbfs: undefined });
  });
});
