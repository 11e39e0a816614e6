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
  /** The tokens left and the time they were counted at, in place: fields would get a new object on the heap with each message. */
  readonly #state: Float64Array;

  constructor(now: number, rate: number = RATE, burstMs: number = BURST_MS) {
    this.#rate = rate;
    this.#burstMs = burstMs;
    this.#state = Float64Array.of(burstMs, now);
  }

  /** Takes the cost of one message that holds `audioMs` of audio (0 for others). False when the stream has sent too much. */
  admit(audioMs: number, now: number): boolean {
    const state = this.#state;
    const refilled = state[0]! + (now - state[1]!) * this.#rate;
    const left = Math.min(this.#burstMs, refilled) - Math.max(audioMs, MESSAGE_MS);
    state[0] = left;
    state[1] = now;
    return left >= 0;
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
