import type { Random } from '../random.ts';
import { clip, type Effect, rmsAmplitude } from './effect.ts';

/** A telephone that rings, a horn, a siren, knocks at a door. */
export type BurstSound = 'phone' | 'horn' | 'siren' | 'door';

export interface BurstsOptions {
  readonly sampleRate: number;
  /** How many come in a minute, on average; when each comes is chance. */
  readonly perMinute: number;
  /** RMS level of each while it sounds, dBFS. */
  readonly dbfs: number;
  readonly sounds: readonly BurstSound[];
}

/** Rise and fall of each sound, s: nothing clicks. */
const RAMP_S = 0.005;

/** Sounds that come now and then. The next one's time is counted from the end of the one before. */
export class Bursts implements Effect {
  readonly #options: BurstsOptions;
  readonly #random: Random;
  readonly #made = new Map<BurstSound, Float64Array>();
  #wait: number;
  #sound: Float64Array | undefined;
  #at = 0;
  #count = 0;

  constructor(options: BurstsOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#wait = this.#gap();
  }

  /** How many have begun. */
  get count(): number {
    return this.#count;
  }

  apply(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      if (this.#sound === undefined) {
        if (this.#wait-- > 0) continue;
        this.#sound = this.#make(this.#random.pick(this.#options.sounds));
        this.#at = 0;
        this.#count++;
      }
      samples[i] = clip(samples[i]! + this.#sound[this.#at++]!);
      if (this.#at < this.#sound.length) continue;
      this.#sound = undefined;
      this.#wait = this.#gap();
    }
  }

  #gap(): number {
    const { perMinute, sampleRate } = this.#options;
    return Math.round(this.#random.exponential(60 / perMinute) * sampleRate);
  }

  #make(sound: BurstSound): Float64Array {
    const known = this.#made.get(sound);
    if (known !== undefined) return known;
    const { sampleRate, dbfs } = this.#options;
    const { seconds, at } = SOUNDS[sound];
    const samples = Float64Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) => {
      const t = i / sampleRate;
      return at(t, this.#random) * Math.min(1, t / RAMP_S, (seconds - t) / RAMP_S);
    });
    const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    const made = samples.map((x) => (x * rmsAmplitude(dbfs)) / rms);
    this.#made.set(sound, made);
    return made;
  }
}

const sine = (hz: number, t: number) => Math.sin(2 * Math.PI * hz * t);

/** The value of each sound at `t` seconds, whatever its level. */
const SOUNDS: Record<BurstSound, { readonly seconds: number; at(t: number, random: Random): number }> = {
  // Two notes that take turns 20 times a second, as many telephones ring.
  phone: { seconds: 1.2, at: (t) => sine(t % 0.1 < 0.05 ? 1_000 : 1_330, t) },
  // A third, with the harmonics of a reed.
  horn: {
    seconds: 0.7,
    at: (t) => [1, 2, 3, 4].reduce((sum, n) => sum + (sine(420 * n, t) + sine(525 * n, t)) / n, 0),
  },
  // Rises and falls between 500 and 1300 Hz once a second: the integral of that frequency is its phase.
  siren: {
    seconds: 2,
    at: (t) => Math.sin(2 * Math.PI * (900 * t - (400 / (2 * Math.PI)) * Math.sin(2 * Math.PI * t))),
  },
  // Three knocks, each a dull noise that dies away.
  door: {
    seconds: 0.9,
    at: (t, random) => (sine(160, t % 0.3) + 0.5 * random.normal()) * Math.exp(-(t % 0.3) * 35),
  },
};
