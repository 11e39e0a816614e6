/**
 * How often something bad may happen in a run: one is forgiven every so often, so that a few of them an hour are none too many, however long
 * a call lasts. (A leaky bucket of whole ones.) Pure: it is asked with the time, ms.
 */
export class RunLimit {
  readonly #most: number;
  readonly #forgivenMs: number;
  #used = 0;
  #at = 0;

  /** `most` in a run, of which one is forgiven every `forgivenMs`. */
  constructor(most: number, forgivenMs: number) {
    this.#most = most;
    this.#forgivenMs = forgivenMs;
  }

  /** How many are not forgiven yet. */
  used(now: number): number {
    if (this.#used === 0) this.#at = now;
    const forgiven = Math.min(this.#used, Math.max(0, Math.floor((now - this.#at) / this.#forgivenMs)));
    this.#used -= forgiven;
    this.#at += forgiven * this.#forgivenMs;
    return this.#used;
  }

  /** Whether one more is allowed. */
  allows(now: number): boolean {
    return this.used(now) < this.#most;
  }

  /** Counts one more; false when that is too many. */
  take(now: number): boolean {
    const allowed = this.allows(now);
    this.#used++;
    return allowed;
  }
}
