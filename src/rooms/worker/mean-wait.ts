/** How long audio waits somewhere, in the mean of all that went through. */
export class MeanWait {
  #msOfAll = 0;
  #all = 0;
  #msLately = 0;
  #lately = 0;

  /** So much of it, in whatever unit, waited so long, ms. */
  add(ms: number, amount: number): void {
    this.#msOfAll += ms * amount;
    this.#all += amount;
    this.#msLately += ms * amount;
    this.#lately += amount;
  }

  /** ms; undefined where nothing went through yet. */
  get ms(): number | undefined {
    return this.#all === 0 ? undefined : this.#msOfAll / this.#all;
  }

  /** Of what went through since this was asked before, ms; undefined where nothing did. */
  takeLately(): number | undefined {
    const ms = this.#lately === 0 ? undefined : this.#msLately / this.#lately;
    this.#msLately = this.#lately = 0;
    return ms;
  }
}
