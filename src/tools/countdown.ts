import type { Clock, Timer } from '../call/clock.ts';

/** A time limit that can be stopped and go on. It begins stopped. */
export class Countdown {
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #over: () => void;
  #leftMs: number;
  #since = 0;
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, 'now' | 'after'>, ms: number, over: () => void) {
    this.#clock = clock;
    this.#leftMs = ms;
    this.#over = over;
  }

  pause(): void {
    if (this.#timer === undefined) return;
    this.cancel();
    this.#leftMs = Math.max(0, this.#leftMs - (this.#clock.now() - this.#since));
  }

  resume(): void {
    if (this.#timer !== undefined) return;
    this.#since = this.#clock.now();
    this.#timer = this.#clock.after(this.#leftMs, this.#over);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
