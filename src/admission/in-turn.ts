import type { Clock } from '../call/clock.ts';

/**
 * Gives those who come all at once their turns one after the other, so long apart that whatever else the loop has to do is done between them. Whoever comes alone
 * does not wait.
 */
export class InTurn {
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #apartMs: number;
  #nextAt = Number.NEGATIVE_INFINITY;

  /** `apartMs`: from one turn to the next, ms. */
  constructor(clock: Pick<Clock, 'now' | 'after'>, apartMs: number) {
    this.#clock = clock;
    this.#apartMs = apartMs;
  }

  /** Resolves when it is the caller's turn. Never rejects. */
  async turn(): Promise<void> {
    const now = this.#clock.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#apartMs;
    if (at > now) await new Promise<void>((resolve) => this.#clock.after(at - now, resolve));
  }
}
