/** Events that are kept for a socket that comes later, and characters of them in all. */
const MOST = 256;
const MOST_CHARACTERS = 256 * 1024;

/** What was told of a call until now, in order, as far as it is kept: a handler opens its socket when the call has begun. */
export class ToldEvents {
  readonly #events: string[] = [];
  #characters = 0;
  #missed = 0;

  /** Events before the first that is kept. */
  get missed(): number {
    return this.#missed;
  }

  push(json: string): void {
    this.#events.push(json);
    this.#characters += json.length;
    while (this.#events.length > MOST || this.#characters > MOST_CHARACTERS) {
      this.#characters -= this.#events.shift()?.length ?? 0;
      this.#missed++;
    }
  }

  [Symbol.iterator](): IterableIterator<string> {
    return this.#events[Symbol.iterator]();
  }
}
