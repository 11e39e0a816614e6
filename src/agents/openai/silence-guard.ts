import type { Clock, Timer } from '../../call/clock.ts';

/**
 * Notices a model that owes an answer and says nothing: first it is asked again, then given up. Progress is only noted, never re-arms a
 * timer: it comes with every event of a response.
 */
export class SilenceGuard {
  readonly #clock: Clock;
  readonly #retryMs: number;
  readonly #endMs: number;
  readonly #retry: () => void;
  readonly #end: () => void;
  #timer: Timer | undefined;
  #since = 0;
  #retried = false;

  /** `retry` is called after `retryMs` without progress, `end` after `endMs`; each once for one debt. */
  constructor(clock: Clock, retryMs: number, endMs: number, retry: () => void, end: () => void) {
    this.#clock = clock;
    this.#retryMs = retryMs;
    this.#endMs = endMs;
    this.#retry = retry;
    this.#end = end;
  }

  /** The model owes something from now on. One debt runs at a time: owing more does not give it more time. */
  owe(): void {
    if (this.#timer !== undefined) return;
    this.#since = this.#clock.now();
    this.#retried = false;
    this.#wait();
  }

  /** It said something, and still owes the rest. */
  progress(): void {
    if (this.#timer === undefined) return;
    this.#since = this.#clock.now();
    this.#retried = false;
  }

  /** It owes nothing. */
  settle(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(): void {
    const due = this.#since + (this.#retried ? this.#endMs : this.#retryMs);
    this.#timer = this.#clock.after(Math.max(0, due - this.#clock.now()), () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    const silent = this.#clock.now() - this.#since;
    if (this.#retried && silent >= this.#endMs) {
      this.#end();
      return;
    }
    if (!this.#retried && silent >= this.#retryMs) {
      this.#retried = true;
      this.#wait();
      this.#retry();
      return;
    }
    this.#wait();
  }
}
