/** How long a value counts, ms. */
export const WORST_MS = 600_000;
/** It is forgotten in steps of this, ms. */
const PART_MS = 30_000;
const PARTS = WORST_MS / PART_MS;

/** The largest of the values that were noted within ten minutes; noting one that is not the largest costs a comparison. */
export class Worst {
  readonly #parts = new Float64Array(PARTS);
  /** The number of the newest part, counted from time 0. */
  #newest = 0;
  #largest = 0;

  /** Notes a value, 0 or more, seen at `now` (monotonic ms). */
  note(value: number, now: number): void {
    this.#moveOn(now);
    const at = this.#newest % PARTS;
    if (value > this.#parts[at]!) this.#parts[at] = value;
    if (value > this.#largest) this.#largest = value;
  }

  /** The largest value of the ten minutes before `now`; 0 where there was none. */
  at(now: number): number {
    this.#moveOn(now);
    return this.#largest;
  }

  #moveOn(now: number): void {
    const part = Math.floor(now / PART_MS);
    if (part <= this.#newest) return;
    for (let n = Math.max(this.#newest + 1, part - PARTS + 1); n <= part; n++) this.#parts[n % PARTS] = 0;
    this.#newest = part;
    this.#largest = Math.max(...this.#parts);
  }
}
