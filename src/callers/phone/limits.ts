/** What one stream may cost us: how fast it may send, and how often it may send nonsense. */

/** Times real time at which a stream may send for good. */
const RATE = 2;
/** Audio that may come in one burst (a network that was stuck delivers all at once), ms. */
const BURST_MS = 5_000;
/** Least cost of any message, ms of audio: so that a flood of messages without audio is a flood too. */
const MESSAGE_MS = 5;
/** Malformed messages after which the stream is given up. */
const MALFORMED_LIMIT = 10;

/** A token bucket that counts milliseconds of audio, not messages: a carrier's frame size is its own choice. */
export class FloodGuard {
  readonly #rate: number;
  readonly #burstMs: number;
  #tokens: number;
  #last: number;

  constructor(now: number, rate: number = RATE, burstMs: number = BURST_MS) {
    this.#rate = rate;
    this.#burstMs = burstMs;
    this.#tokens = burstMs;
    this.#last = now;
  }

  /** Takes the cost of one message that holds `audioMs` of audio (0 for others). False when the stream has sent too much. */
  admit(audioMs: number, now: number): boolean {
    const refilled = this.#tokens + (now - this.#last) * this.#rate;
    this.#last = now;
    this.#tokens = Math.min(this.#burstMs, refilled) - Math.max(audioMs, MESSAGE_MS);
    return this.#tokens >= 0;
  }
}

/** Counts messages that could not be used. */
export class MalformedBudget {
  #count = 0;

  /** False when there have been too many. */
  spend(): boolean {
    this.#count++;
    return this.#count < MALFORMED_LIMIT;
  }
}
