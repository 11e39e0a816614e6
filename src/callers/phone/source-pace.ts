/**
 * Tells by the arrival of its audio what the agent's transport is. A live one (WebRTC) gives frames in real time, silence included; a bursty
 * one (WebSocket) gives an answer faster than it can be spoken, and nothing between answers. They need opposite care on the way out.
 */

/** A pause in writing after which the observation begins anew, ms. */
const PAUSE_MS = 1_000;
/** Audio ahead of real time that only a bursty source has, ms. */
const AHEAD_MS = 150;
/** Audio ahead of real time that a live source may have by jitter, ms. */
const JITTER_MS = 60;
/** Real-time writing for this long is a live source, ms. */
const STEADY_MS = 300;
/** The balance forgets with this time constant, so that two clocks of slightly different speed never add up, ms. */
const FORGET_MS = 10_000;

export class SourcePace {
  /** What the owner knows; undefined leaves it to the observation. */
  forced: boolean | undefined;
  #live = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  #startedAt = 0;
  #runMs = 0;
  /** Audio given less time passed, ms. A stall of our own makes it negative, and the burst after it brings it back. */
  #balance = 0;

  get live(): boolean {
    return this.forced ?? this.#live;
  }

  /** Notes that `ms` of audio were written now. */
  wrote(ms: number, now: number): void {
    const elapsed = now - this.#lastAt;
    this.#lastAt = now;
    if (elapsed > PAUSE_MS) {
      this.#startedAt = now;
      this.#runMs = ms;
      this.#balance = ms;
      return;
    }
    this.#balance -= elapsed + this.#balance * Math.min(1, elapsed / FORGET_MS);
    // The newest piece is not counted against its source: its length is a matter of packaging.
    if (this.#balance > AHEAD_MS) this.#live = false;
    else if (this.#balance < JITTER_MS && !this.#live) {
      const run = now - this.#startedAt;
      if (run >= STEADY_MS && this.#runMs >= 0.8 * run) this.#live = true;
    }
    this.#balance += ms;
    this.#runMs += ms;
  }
}
