/** What a set of timings amounts to, ms. `count` 0 means that nothing was measured, and the rest is NaN. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly min: number;
}

const BIN_MS = 0.01;
const BINS = 60_000;

/** Timings in bins of 10 us up to 600 ms: adding one costs nothing and keeps nothing. Percentiles are the upper edge of their bin. */
export class Histogram {
  readonly #bins = new Uint32Array(BINS + 1);
  #count = 0;
  #sum = 0;
  #max = Number.NEGATIVE_INFINITY;
  #min = Number.POSITIVE_INFINITY;

  add(ms: number): void {
    const bin = ms <= 0 ? 0 : Math.floor(ms / BIN_MS);
    this.#bins[Math.min(bin, BINS)]!++;
    this.#count++;
    this.#sum += ms;
    if (ms > this.#max) this.#max = ms;
    if (ms < this.#min) this.#min = ms;
  }

  reset(): void {
    this.#bins.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#max = Number.NEGATIVE_INFINITY;
    this.#min = Number.POSITIVE_INFINITY;
  }

  summary(): Summary {
    if (this.#count === 0)
      return {
        count: 0,
        mean: Number.NaN,
        p50: Number.NaN,
        p95: Number.NaN,
        p99: Number.NaN,
        max: Number.NaN,
        min: Number.NaN,
      };
    return {
      count: this.#count,
      mean: this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p95: this.#percentile(0.95),
      p99: this.#percentile(0.99),
      max: this.#max,
      min: this.#min,
    };
  }

  #percentile(share: number): number {
    const rank = Math.ceil(this.#count * share);
    let seen = 0;
    for (let bin = 0; bin < BINS; bin++) {
      seen += this.#bins[bin]!;
      if (seen >= rank) return Math.min((bin + 1) * BIN_MS, this.#max);
    }
    return this.#max;
  }
}

/** The summary of a few values, by the nearest rank. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return {
    count: sorted.length,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    max: sorted.at(-1) ?? Number.NaN,
    min: sorted[0] ?? Number.NaN,
  };
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The median of the slopes between all pairs of (x, y) (Theil and Sen): a single jump of an allocator does not move it as it moves a mean. */
export function medianSlope(points: ReadonlyArray<readonly [number, number]>): number {
  const slopes = points.flatMap(([x1, y1], i) => points.slice(i + 1).map(([x2, y2]) => (y2 - y1) / (x2 - x1)));
  slopes.sort((a, b) => a - b);
  const middle = slopes.length >> 1;
  return slopes.length % 2 === 1 ? slopes[middle]! : (slopes[middle - 1]! + slopes[middle]!) / 2;
}
