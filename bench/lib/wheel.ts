/**
 * One clock for all phones of the load: twenty slots of 1 ms. Real phones do not send in step, and a hundred that did would measure the
 * load's own burst. It aims at an ideal grid, and turns as often as it must after a stall.
 */
export class Wheel {
  static readonly slots = 20;
  readonly #slots: Array<Set<(now: number) => void>> = Array.from({ length: Wheel.slots }, () => new Set());
  readonly #each = new Set<(now: number) => void>();
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #start = 0;

  /** Calls `fn` every 20 ms, in one of the slots, until the returned function is called. */
  every20(slot: number, fn: (now: number) => void): () => void {
    return this.#add(this.#slots[slot % Wheel.slots]!, fn);
  }

  /** Calls `fn` at every turn. */
  every1(fn: (now: number) => void): () => void {
    return this.#add(this.#each, fn);
  }

  #add(to: Set<(now: number) => void>, fn: (now: number) => void): () => void {
    to.add(fn);
    if (this.#timer === undefined) {
      this.#start = performance.now();
      this.#next = 0;
      this.#timer = setTimeout(this.#turn, 1);
    }
    return () => to.delete(fn);
  }

  readonly #turn = (): void => {
    const now = performance.now();
    for (; this.#start + this.#next <= now; this.#next++) {
      for (const fn of this.#slots[this.#next % Wheel.slots]!) fn(now);
    }
    for (const fn of this.#each) fn(now);
    this.#timer = setTimeout(this.#turn, 1);
  };
}
