import type { Random } from '../random.ts';
import type { Effect } from './effect.ts';

export interface LossOptions {
  /** Samples of the frames that are lost or not: 20 ms of them. */
  readonly frame: number;
  /** Share of all frames that is lost, in the long run: above 0 and below 1. */
  readonly rate: number;
  /** Frames that are lost in one run, on average: 1 and more. */
  readonly run: number;
}

/**
 * Frames that never come, in runs, as networks lose them: a chain of two states, of which one loses every frame (E. N. Gilbert, "Capacity of a burst-noise
 * channel", Bell System Technical Journal 39, 1960; with E. O. Elliott's, 1963, both states' losses set: here none and all). What is lost is silence.
 */
export class Loss implements Effect {
  readonly #frame: number;
  readonly #toBad: number;
  readonly #toGood: number;
  readonly #random: Random;
  #left = 0;
  #bad = false;
  #lost = 0;

  constructor({ frame, rate, run }: LossOptions, random: Random) {
    if (!(rate > 0 && rate < 1 && run >= 1)) throw new RangeError(`loss: rate ${rate}, runs of ${run}`);
    this.#frame = frame;
    this.#toGood = 1 / run;
    // In the long run as many runs begin as end.
    this.#toBad = (this.#toGood * rate) / (1 - rate);
    this.#random = random;
  }

  /** Frames that were lost. */
  get lost(): number {
    return this.#lost;
  }

  apply(samples: Int16Array): void {
    for (let at = 0; at < samples.length; ) {
      if (this.#left === 0) this.#next();
      const end = Math.min(samples.length, at + this.#left);
      if (this.#bad) samples.fill(0, at, end);
      this.#left -= end - at;
      at = end;
    }
  }

  #next(): void {
    const chance = this.#random.next();
    this.#bad = this.#bad ? chance >= this.#toGood : chance < this.#toBad;
    this.#left = this.#frame;
    if (this.#bad) this.#lost++;
  }
}
