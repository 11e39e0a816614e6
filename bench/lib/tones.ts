import { ToneGenerator } from '../../src/media/tone.ts';

/**
 * A tone that changes between two frequencies on the beat, and what comes back of it: how late, with what holes, how clean. Both frequencies have whole
 * periods in 10 ms, so that in each frame one cannot be taken for the other.
 */

const HZ = [400, 800] as const;
const BEAT_FRAMES = 50;
const DBFS = -12;
/** Frames after a change that are not looked at: the way has a filter's length, and a frame may hold both. */
const SETTLE_FRAMES = 8;
/** Softer than this share of what was sent is a hole. */
const HOLE = 0.25;
const AMPLITUDE = 32_768 * 10 ** (DBFS / 20);

export interface ToneReport {
  readonly latencies: readonly number[];
  /** dB, of each frame in which the tone was steady. */
  readonly snr: readonly number[];
  readonly gaps: number;
  readonly steady: number;
}

export class EchoedTones {
  readonly #tone: ToneGenerator;
  readonly #frame: Int16Array;
  /** When each beat was sent. */
  readonly #sentAt: number[] = [];
  #frames = 0;
  #hearing = -1;
  #since = 0;
  #latencies: number[] = [];
  #snr: number[] = [];
  #gaps = 0;
  #steady = 0;

  constructor(frame: number, rate: number) {
    this.#tone = new ToneGenerator(HZ[0], rate, DBFS);
    this.#frame = new Int16Array(frame);
  }

  /** The next 10 ms to be sent. */
  next(now: number): Int16Array {
    if (this.#frames % BEAT_FRAMES === 0) {
      this.#tone.hz = HZ[(this.#frames / BEAT_FRAMES) % 2]!;
      this.#sentAt.push(now);
      if (this.#sentAt.length > 20) this.#sentAt.shift();
    }
    this.#frames++;
    return this.#tone.fill(this.#frame);
  }

  /** 10 ms that came back. */
  heard(samples: Int16Array, rate: number, now: number): void {
    const found = HZ.map((hz) => sineIn(samples, rate, hz));
    const louder = found[1]!.amplitude > found[0]!.amplitude ? 1 : 0;
    const { amplitude, snr } = found[louder]!;
    if (amplitude < AMPLITUDE * HOLE) {
      if (this.#hearing >= 0) {
        this.#steady++;
        this.#gaps++;
      }
      return;
    }
    if (louder !== this.#hearing) {
      const sent = this.#lastOf(louder, now);
      if (this.#hearing >= 0 && sent !== undefined) this.#latencies.push(now - sent);
      this.#hearing = louder;
      this.#since = 0;
    }
    if (++this.#since <= SETTLE_FRAMES) return;
    this.#steady++;
    this.#snr.push(snr);
  }

  /** When the last beat of this tone that could have come back was sent. */
  #lastOf(tone: number, now: number): number | undefined {
    const newest = Math.ceil(this.#frames / BEAT_FRAMES) - 1;
    for (let i = this.#sentAt.length - 1, beat = newest; i >= 0; i--, beat--)
      if (beat % 2 === tone && this.#sentAt[i]! < now) return this.#sentAt[i];
    return undefined;
  }

  reset(): void {
    this.#latencies = [];
    this.#snr = [];
    this.#gaps = 0;
    this.#steady = 0;
  }

  report(): ToneReport {
    return { latencies: this.#latencies, snr: this.#snr, gaps: this.#gaps, steady: this.#steady };
  }
}

/** The sine of this frequency that is nearest to the samples, and how much of them is nothing of it. */
function sineIn(samples: Int16Array, rate: number, hz: number): { amplitude: number; snr: number } {
  const step = (2 * Math.PI * hz) / rate;
  let [sine, cosine, power] = [0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    sine += sample * Math.sin(step * i);
    cosine += sample * Math.cos(step * i);
    power += sample * sample;
  }
  const amplitude = (2 * Math.hypot(sine, cosine)) / samples.length;
  const tone = (amplitude * amplitude * samples.length) / 2;
  return { amplitude, snr: 10 * Math.log10(tone / Math.max(1, power - tone)) };
}
