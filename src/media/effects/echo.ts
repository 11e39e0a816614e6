import { clip } from './effect.ts';

/** The other side's voice, out of a loudspeaker and into the microphone again: what a phone that lies on a table sends back. */
export class Echo {
  readonly #line: Int16Array;
  readonly #factor: number;
  #at = 0;

  /** `delay`: samples until it is heard again, 1 and more. `lossDb`: by how much quieter. */
  constructor(delay: number, lossDb: number) {
    if (!(Number.isInteger(delay) && delay >= 1)) throw new RangeError(`echo: a delay of ${delay} samples`);
    this.#line = new Int16Array(delay);
    this.#factor = 10 ** (-lossDb / 20);
  }

  /** Adds to `samples` what comes back, and takes what is heard in the same time, which has the same length. */
  apply(samples: Int16Array, heard: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      samples[i] = clip(samples[i]! + this.#line[this.#at]! * this.#factor);
      this.#line[this.#at] = heard[i] ?? 0;
      if (++this.#at === this.#line.length) this.#at = 0;
    }
  }
}
