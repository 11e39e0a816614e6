import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { BridgeError } from '../../errors.ts';
import { backoffMs, withRetry } from '../../transport/retry.ts';

export interface AttemptsOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly count: Count;
  /** All tries and the pauses between them are over by then, ms of the clock. */
  readonly deadline: number;
  /** Whether a failure that may pass is one after which the same may be done again; left out: it is. */
  readonly again?: (error: BridgeError) => boolean;
  /** 0 to 1: no two callers come back at the same moment. Left out: chance. */
  readonly random?: () => number;
}

const FIRST_PAUSE_MS = 200;
/** With less time left no other try is begun, ms. */
const LEAST_TRY_MS = 300;

/**
 * Does `once`, and again after failures that may pass (`retryable`), with growing pauses and never sooner than the far end asks for. Rejects with the
 * error of the last try, or with the signal's reason.
 */
export function attempts<T>(
  once: (attempt: number) => Promise<T>,
  { clock, signal, count, deadline, again, random = Math.random }: AttemptsOptions,
): Promise<T> {
  const waitMs = (error: unknown, tries: number) => {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof BridgeError) || !error.retryable || again?.(error) === false) return undefined;
    const pause = Math.max(error.retryAfterMs ?? 0, backoffMs(FIRST_PAUSE_MS, tries, random));
    if (clock.now() + pause + LEAST_TRY_MS > deadline) return undefined;
    count('model_retry');
    return pause;
  };
  return withRetry((tries) => once(tries - 1), { clock, signal, waitMs });
}
