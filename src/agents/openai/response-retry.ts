import type { Clock, Timer } from '../../call/clock.ts';

const MAX_FAILURES = 3;
const STEP_MS = 700;

/** Asks again after a response failed, a little later each time, and gives up after the third in a row. */
export class ResponseRetry {
  readonly #clock: Clock;
  readonly #ask: () => void;
  #timer: Timer | undefined;
  #failures = 0;

  constructor(clock: Clock, ask: () => void) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Whether another response is about to be asked for. */
  get pending(): boolean {
    return this.#timer !== undefined;
  }

  /** A response failed. False when no other should be asked for. */
  failed(): boolean {
    this.#failures++;
    this.cancel();
    if (this.#failures >= MAX_FAILURES) return false;
    this.#timer = this.#clock.after(STEP_MS * this.#failures, () => {
      this.#timer = undefined;
      this.#ask();
    });
    return true;
  }

  /** A response was completed: the next failure is the first again. */
  succeeded(): void {
    this.#failures = 0;
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
