import { type Clock, delay } from '../call/clock.ts';

/** Asking a far end again that failed: when, and how often, says who asks. */

export interface Retry {
  readonly clock: Pick<Clock, 'after'>;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait after the n-th try (1, 2, …), which failed with this, ms; undefined where it is not tried again. Told once of each failure. */
  readonly waitMs: (error: unknown, tries: number) => number | undefined;
}

/** Does `once` until it succeeds or is not to be tried again. Rejects with the last failure, or with the signal's reason when that aborts while it waits. */
export async function withRetry<T>(once: (tries: number) => Promise<T>, { clock, signal, waitMs }: Retry): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(tries);
    } catch (error) {
      const wait = waitMs(error, tries);
      if (wait === undefined) throw error;
      await delay(clock, wait, signal);
    }
  }
}

/** The pause after the n-th try, ms: doubled for each, and drawn from its upper half by `random` (0 to 1), so that what failed together does not come back together. */
export function backoffMs(firstMs: number, tries: number, random: () => number): number {
  return firstMs * 2 ** (tries - 1) * (0.5 + random() / 2);
}

/** Pauses that are doubled, as `backoffMs` has them, up to the longest, for as long as somebody is willing to wait. */
export interface Patience {
  readonly clock: Pick<Clock, 'now'>;
  /** 0 to 1. */
  readonly random: () => number;
  readonly firstMs: number;
  readonly mostMs: number;
  /** From now on, ms: no try begins later. */
  readonly giveUpMs: number;
}

/** Tells the pause after the n-th try, ms, `atMostMs` where that is shorter; undefined where the next one would begin too late. */
export function patience({ clock, random, firstMs, mostMs, giveUpMs }: Patience) {
  const until = clock.now() + giveUpMs;
  return (tries: number, atMostMs = mostMs): number | undefined => {
    const wait = Math.min(mostMs, atMostMs, backoffMs(firstMs, tries, random));
    return clock.now() + wait > until ? undefined : wait;
  };
}
