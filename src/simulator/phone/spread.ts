/** A distribution of milliseconds in bounded memory: one bin a millisecond up to two seconds, and the true largest. */

export interface SpreadReport {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

const BINS = 2_000;

export class Spread {
  readonly #bins = new Uint32Array(BINS + 1);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(ms: number): void {
    const value = Math.max(0, ms);
    this.#bins[Math.min(BINS, Math.floor(value))]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  get count(): number {
    return this.#count;
  }

  /** The bin's upper edge below which a share `q` of the values lies; never more than the largest. */
  quantile(q: number): number {
    const wanted = Math.ceil(q * this.#count);
    let seen = 0;
    for (let ms = 0; ms < BINS; ms++) {
      seen += this.#bins[ms]!;
      if (seen >= wanted && seen > 0) return Math.min(ms + 1, this.#max);
    }
    return this.#max;
  }

  report(): SpreadReport {
    const tenth = (ms: number) => Math.round(ms * 10) / 10;
    return {
      count: this.#count,
      meanMs: this.#count === 0 ? 0 : tenth(this.#sum / this.#count),
      p50Ms: tenth(this.quantile(0.5)),
      p95Ms: tenth(this.quantile(0.95)),
      maxMs: tenth(this.#max),
    };
  }
}
