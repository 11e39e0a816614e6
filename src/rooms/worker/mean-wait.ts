/** How long audio waits somewhere, in the mean of all that went through. */
export class MeanWait {
  #msOfAll = 0;
  #all = 0;

  /** So much of it, in whatever unit, waited so long, ms. */
  add(ms: number, amount: number): void {
    this.#msOfAll += ms * amount;
    this.#all += amount;
  }

  /** ms; undefined where nothing went through yet. */
  get ms(): number | undefined {
    return this.#all === 0 ? undefined : this.#msOfAll / this.#all;
  }
}
