/** A token bucket: `burst` at once, and `perSecond` again each second. Time is given, so that one clock serves thousands of buckets. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `now`: monotonic ms. Full at the start. */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes one token and gives 0; or takes none and gives the ms until there is one. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return ((1 - this.#tokens) * 1_000) / this.#perSecond;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (Math.max(0, now - this.#at) * this.#perSecond) / 1_000);
    this.#at = Math.max(this.#at, now);
  }
}
