import type { Clock } from '../call/clock.ts';

/** Counts uses over the last minute. */
export class MinuteLimit {
  readonly #clock: Clock;
  readonly #most: number;
  #uses: number[] = [];

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
  }

  /** Takes one use; false when the last 60 s have had their share. */
  take(): boolean {
    const now = this.#clock.now();
    this.#uses = this.#uses.filter((at) => now - at < 60_000);
    if (this.#uses.length >= this.#most) return false;
    this.#uses.push(now);
    return true;
  }
}
