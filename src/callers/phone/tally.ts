import type { Count, Counter } from '../../call/counters.ts';

/** Counts for whoever will want the numbers: a stream counts from its first message, its call exists only later. */
export class Tally {
  #target: Count | undefined;
  readonly #kept = new Map<Counter, number>();

  /** Adds to a counter; see `Count`. */
  readonly count: Count = (counter, n = 1) => {
    if (this.#target !== undefined) this.#target(counter, n);
    else this.#kept.set(counter, (this.#kept.get(counter) ?? 0) + n);
  };

  /** Hands over what was counted so far, and everything from now on. The first target stays. */
  connect(target: Count): void {
    if (this.#target !== undefined) return;
    this.#target = target;
    for (const [counter, n] of this.#kept) target(counter, n);
    this.#kept.clear();
  }
}
