/** Samples in order: put in at one end, taken at the other a frame at a time. It copies what it is given and hands out silence where it has no more. */
export class SampleFifo {
  readonly #chunks: Int16Array[] = [];
  /** Samples of the first chunk that were taken already. */
  #taken = 0;
  #length = 0;

  /** Samples that wait. */
  get length(): number {
    return this.#length;
  }

  push(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.#chunks.push(samples.slice());
    this.#length += samples.length;
  }

  /** Fills `into` with the oldest samples, and with silence behind them. Returns how many there were. */
  pull(into: Int16Array): number {
    let filled = 0;
    while (filled < into.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const count = Math.min(into.length - filled, chunk.length - this.#taken);
      into.set(chunk.subarray(this.#taken, this.#taken + count), filled);
      filled += count;
      this.#taken += count;
      if (this.#taken < chunk.length) continue;
      this.#chunks.shift();
      this.#taken = 0;
    }
    into.fill(0, filled);
    this.#length -= filled;
    return filled;
  }

  /** Forgets all that waits. Returns how many samples that were. */
  clear(): number {
    const { length } = this;
    this.#chunks.length = 0;
    this.#taken = 0;
    this.#length = 0;
    return length;
  }
}
