import type { Random } from '../random.ts';
import { clip, type Effect, rmsAmplitude } from './effect.ts';

export type NoiseColour = 'white' | 'pink';

/**
 * White noise through three poles and a direct path: 3 dB less an octave within half a decibel from 40 Hz up, at 44.1 kHz
 * (P. Kellet's economy filter, https://www.firstpr.com.au/dsp/pink-noise/).
 */
const POLES = [0.997_65, 0.963, 0.57] as const;
const WEIGHTS = [0.099_046, 0.296_516_4, 1.052_691_3] as const;
const DIRECT = 0.1848;

/** By how much the filter changes the RMS of white noise: the energy of its impulse response. */
const PINK_RMS = Math.sqrt(
  POLES.reduce(
    (sum, p, i) => sum + POLES.reduce((part, q, j) => part + (WEIGHTS[i]! * WEIGHTS[j]!) / (1 - p * q), 0),
    DIRECT ** 2 + 2 * DIRECT * WEIGHTS.reduce((sum, weight) => sum + weight, 0),
  ),
);

/** Steady noise of one level: a fan, a street far off, the line itself. */
export class Noise implements Effect {
  readonly #colour: NoiseColour;
  readonly #amplitude: number;
  readonly #random: Random;
  readonly #poles = new Float64Array(POLES.length);

  /** `dbfs`: its RMS level. */
  constructor(colour: NoiseColour, dbfs: number, random: Random) {
    this.#colour = colour;
    this.#amplitude = rmsAmplitude(dbfs) / (colour === 'pink' ? PINK_RMS : 1);
    this.#random = random;
  }

  apply(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      const white = this.#random.normal();
      samples[i] = clip(samples[i]! + this.#amplitude * (this.#colour === 'pink' ? this.#pink(white) : white));
    }
  }

  #pink(white: number): number {
    let sum = DIRECT * white;
    for (let i = 0; i < POLES.length; i++) {
      this.#poles[i] = POLES[i]! * this.#poles[i]! + WEIGHTS[i]! * white;
      sum += this.#poles[i]!;
    }
    return sum;
  }
}
