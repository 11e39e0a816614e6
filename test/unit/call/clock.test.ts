import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/call/clock.ts';

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the machine's clock", () => {
  it.each([30, 60])('waits for %i days, which no timer of Node.js does', (days) => {
    const fired = vi.fn();
    systemClock.after(days * DAY_MS, fired);
    vi.advanceTimersByTime(days * DAY_MS - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits no more when it is told so, whichever of the timers is set', () => {
    for (const days of [1, 26]) {
      const fired = vi.fn();
      const timer = systemClock.after(30 * DAY_MS, fired);
      vi.advanceTimersByTime(days * DAY_MS);
      timer.cancel();
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(60 * DAY_MS);
      expect(fired).not.toHaveBeenCalled();
    }
  });

  it('takes what was due before now for due now', () => {
    const fired = vi.fn();
    systemClock.after(-5, fired);
    vi.advanceTimersByTime(0);
    expect(fired).toHaveBeenCalledTimes(1);
  });
});
