/**
 * Time as the bridge knows it. Media and time limits run on a monotonic clock, so that a step of the wall clock moves nothing
 * (wall time appears only in logs, records and token expiry).
 */

/** A pending time-out. Cancelling twice, or after it fired, is harmless. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds with fractions; the origin is arbitrary. */
  now(): number;
  /** Wall time in ms since the Unix epoch: for records and expiry, never for pacing. */
  wall(): number;
  /** Calls `fn` once after at least `ms` milliseconds. */
  after(ms: number, fn: () => void): Timer;
}

/** Longest that a timer of Node.js takes, ms: it sets a longer one to 1 ms. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fn) {
    if (ms > MOST_TIMER_MS) return afterLong(ms, fn);
    // What was due before now, as on a busy machine, is due now: Node.js warns of a negative time.
    const handle = setTimeout(fn, Math.max(0, ms));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** In as many timers as it takes, one after the other. */
function afterLong(ms: number, fn: () => void): Timer {
  let next = systemClock.after(MOST_TIMER_MS, () => {
    next = systemClock.after(ms - MOST_TIMER_MS, fn);
  });
  return { cancel: () => next.cancel() };
}

/** Waits `ms` on `clock`; rejects with the signal's reason when it aborts first. */
export function delay(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
