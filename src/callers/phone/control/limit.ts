import type { Clock } from '../../../call/clock.ts';
import { ControlError } from './errors.ts';
import { aborted } from './retry.ts';

/**
 * Waits for `work` no longer than `ms`; then rejects with CONTROL_TIMEOUT, and with CONTROL_ABORTED when the signal aborts first. The work
 * goes on, and what becomes of it is nobody's business any more. `uncertain`: whether it may still have its effect.
 */
export function limited<T>(
  work: Promise<T>,
  options: {
    clock: Clock;
    ms: number;
    what: string;
    uncertain: boolean;
    retryable?: boolean;
    signal?: AbortSignal | undefined;
  },
): Promise<T> {
  const { clock, ms, what, uncertain, retryable = true, signal } = options;
  return new Promise((resolve, reject) => {
    const onAbort = () => settle(() => reject(aborted(uncertain)));
    const timer = clock.after(ms, () =>
      settle(() => reject(new ControlError('CONTROL_TIMEOUT', `${what} within ${ms} ms`, { retryable, uncertain }))),
    );
    const settle = (act: () => void) => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
