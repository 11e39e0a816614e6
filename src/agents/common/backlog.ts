/**
 * Caller audio that waits because the network does not take it: a ring of samples of bounded length in which the oldest give way. Its
 * memory is taken at the first stall, which most calls never see.
 */
export class AudioBacklog {
  readonly #capacity: number;
  #ring: Int16Array | undefined;
  #start = 0;
  #length = 0;

  /** `capacity` in samples. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Samples that wait. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy; returns how many samples were lost at the old end. */
  push(samples: Int16Array): number {
    this.#ring ??= new Int16Array(this.#capacity);
    const ring = this.#ring;
    // Of a run longer than the whole ring only the newest part can stay.
    const skipped = Math.max(0, samples.length - this.#capacity);
    const overflow = Math.max(0, this.#length + samples.length - skipped - this.#capacity);
    this.#start = (this.#start + overflow) % this.#capacity;
    this.#length -= overflow;
    let at = (this.#start + this.#length) % this.#capacity;
    for (let i = skipped; i < samples.length; i++) {
      ring[at] = samples[i]!;
      at = at + 1 === this.#capacity ? 0 : at + 1;
    }
    this.#length += samples.length - skipped;
    return overflow + skipped;
  }

  /** Moves the oldest samples into `dst`; returns how many. */
  shift(dst: Int16Array): number {
    const ring = this.#ring;
    if (ring === undefined) return 0;
    const count = Math.min(dst.length, this.#length);
    let at = this.#start;
    for (let i = 0; i < count; i++) {
      dst[i] = ring[at]!;
      at = at + 1 === this.#capacity ? 0 : at + 1;
    }
    this.#start = at;
    this.#length -= count;
    return count;
  }

  clear(): void {
    this.#start = 0;
    this.#length = 0;
  }
}
