/**
 * The audio a client has appended and not committed: a window on the stream, addressed by absolute sample numbers at 24 kHz.
 * It is bounded; what falls out at the old end is gone for good.
 */
export class InputBuffer {
  readonly #maxSamples: number;
  #data: Int16Array;
  /** Absolute number of the first sample kept. */
  #start = 0;
  #length = 0;

  constructor(maxSamples: number) {
    this.#maxSamples = maxSamples;
    this.#data = new Int16Array(Math.min(maxSamples, 24_000));
  }

  /** Absolute number of the first sample kept. */
  get start(): number {
    return this.#start;
  }

  /** Absolute number of the sample that will come next. */
  get end(): number {
    return this.#start + this.#length;
  }

  get length(): number {
    return this.#length;
  }

  append(samples: Int16Array): void {
    let input = samples;
    if (input.length > this.#maxSamples) {
      const skipped = input.length - this.#maxSamples;
      this.#start += this.#length + skipped;
      this.#length = 0;
      input = input.subarray(skipped);
    }
    const needed = this.#length + input.length;
    if (needed > this.#maxSamples) {
      // A second more than needed, so that a full buffer is not moved with every packet.
      const spare = Math.min(24_000, this.#maxSamples - input.length);
      this.discardBefore(this.end - (this.#maxSamples - input.length - spare));
    }
    if (this.#length + input.length > this.#data.length) this.#grow(this.#length + input.length);
    this.#data.set(input, this.#length);
    this.#length += input.length;
  }

  /** Drops everything before the absolute sample `at`. */
  discardBefore(at: number): void {
    const count = Math.min(this.#length, at - this.#start);
    if (count <= 0) return;
    this.#data.copyWithin(0, count, this.#length);
    this.#start += count;
    this.#length -= count;
  }

  /** A copy of the samples from `from` to the end, as far as they are still there; the buffer is empty afterwards. */
  take(from: number = this.#start): Int16Array {
    const at = Math.min(this.#length, Math.max(0, from - this.#start));
    const taken = this.#data.slice(at, this.#length);
    this.clear();
    return taken;
  }

  /** Empties it; the numbering goes on. Memory of a long turn is given back. */
  clear(): void {
    this.#start += this.#length;
    this.#length = 0;
    if (this.#data.length > 96_000) this.#data = new Int16Array(24_000);
  }

  #grow(needed: number): void {
    const size = Math.min(this.#maxSamples, Math.max(needed, this.#data.length * 2));
    const data = new Int16Array(size);
    data.set(this.#data.subarray(0, this.#length));
    this.#data = data;
  }
}
