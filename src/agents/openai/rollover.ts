import type { Clock, Timer } from '../../call/clock.ts';
import type { Budgets } from './options.ts';

/**
 * When a session is replaced before the API ends it: a new one is made ready beforehand, and takes over in the next silence, or at the
 * last moment whatever is going on. Nothing is heard of it.
 */

export interface RolloverHooks {
  /** Makes the next session ready; rejects when it could not be had. */
  prepare(): Promise<void>;
  /** Whether the change would be unheard now. */
  idle(): boolean;
  /** Puts the prepared session in place. False when there is none any more. */
  swap(): boolean;
}

const POLL_MS = 250;
const RETRY_MS = 30_000;
/** How long before the server's own end of a session it is replaced: from when on a silence is used, and at the latest, ms. */
const EARLY_MS = 5 * 60_000;
const LATE_MS = 60_000;
/** No server gives a session less: a shorter life is the difference between two machines' clocks, ms. */
const LIFE_LEAST_MS = 2 * 60_000;

/** The ages, ms, at which a session is to be replaced: in a silence, and anyway. `lifeMs` is what the server gives it, where it is known and can be true. */
export function rolloverTimes(
  limits: Pick<Budgets, 'rolloverMs' | 'rolloverLatestMs'>,
  lifeMs: number | undefined,
): { softMs: number; hardMs: number } {
  if (lifeMs === undefined || lifeMs < LIFE_LEAST_MS)
    return { softMs: limits.rolloverMs, hardMs: limits.rolloverLatestMs };
  return {
    softMs: Math.min(limits.rolloverMs, Math.max(lifeMs - EARLY_MS, lifeMs / 2)),
    hardMs: Math.min(limits.rolloverLatestMs, Math.max(lifeMs - LATE_MS, lifeMs * 0.9)),
  };
}

export class Rollover {
  readonly #clock: Clock;
  readonly #hooks: RolloverHooks;
  readonly #hardAt: number;
  #timer: Timer;
  #cancelled = false;

  constructor(clock: Clock, times: { softMs: number; hardMs: number }, hooks: RolloverHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
    this.#hardAt = clock.now() + times.hardMs;
    this.#timer = clock.after(times.softMs, this.#begin);
  }

  cancel(): void {
    this.#cancelled = true;
    this.#timer.cancel();
  }

  readonly #begin = (): void => {
    this.#hooks.prepare().then(
      () => {
        if (!this.#cancelled) this.#wait();
      },
      () => {
        // The session that runs is good for some minutes yet. When none can be had to the end, its loss is dealt with as any other.
        if (!this.#cancelled) this.#timer = this.#clock.after(RETRY_MS, this.#begin);
      },
    );
  };

  readonly #wait = (): void => {
    if (this.#hooks.idle() || this.#clock.now() >= this.#hardAt) {
      if (this.#hooks.swap()) return;
      this.#timer = this.#clock.after(POLL_MS, this.#begin);
      return;
    }
    this.#timer = this.#clock.after(POLL_MS, this.#wait);
  };
}
