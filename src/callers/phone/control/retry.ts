import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { backoffMs, withRetry } from '../../../transport/retry.ts';
import { ControlError } from './errors.ts';

/** How a request is repeated when it fails. */
export interface RetryOptions {
  readonly clock: Clock;
  /** Tries in all. */
  readonly tries?: number;
  /** Wait before the second try, ms; doubled for each further one. */
  readonly baseMs?: number;
  /** Longest wait; a carrier that asks for more is not waited for, ms. */
  readonly mostMs?: number;
  /** 0 to 1: spreads the repetitions of many calls that failed together. */
  readonly random?: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Pick<Log, 'warn'> | undefined;
  /** What is being done: log field. */
  readonly action: string;
}

/** Two retries. */
const TRIES = 3;
const BASE_MS = 200;
const MOST_MS = 5_000;

/**
 * Runs `attempt` until it succeeds, fails for good, or was tried often enough; rejects with the last ControlError. `again` says whether a
 * failure may be followed by another try.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  again: (error: ControlError) => boolean,
  options: RetryOptions,
): Promise<T> {
  const {
    clock,
    signal,
    random = Math.random,
    tries = TRIES,
    baseMs = BASE_MS,
    mostMs = MOST_MS,
    action,
    log,
  } = options;
  const once = () => {
    if (signal?.aborted) throw aborted();
    return attempt();
  };
  const waitMs = (error: unknown, made: number) => {
    if (!(error instanceof ControlError) || made >= tries || !again(error)) return undefined;
    // The carrier's word counts.
    const wait = error.retryAfterMs ?? backoffMs(baseMs, made, random);
    if (wait > mostMs) return undefined;
    const { code, status } = error;
    log?.warn({ action, code, status, try: made, waitMs: Math.round(wait) }, 'carrier control failed; trying again');
    return wait;
  };
  return withRetry(async () => once(), { clock, signal, waitMs }).catch((error: unknown) => {
    throw signal?.aborted && !(error instanceof ControlError) ? aborted() : error;
  });
}

/** The error of whatever its asker gave up. */
export function aborted(uncertain = false): ControlError {
  return new ControlError('CONTROL_ABORTED', 'the request was given up', { uncertain });
}
