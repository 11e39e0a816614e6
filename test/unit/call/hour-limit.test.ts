import { describe, expect, it } from 'vitest';
import { HourLimit } from '../../../src/call/hour-limit.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('the limit of an hour', () => {
  it('grants so many uses in any 60 minutes, and says when the next is free', () => {
    const clock = new FakeClock();
    const limit = new HourLimit(2, clock);
    expect(limit.take().ok).toBe(true);
    clock.advance(600_000);
    expect(limit.take().ok).toBe(true);
    expect(limit.take()).toEqual({ ok: false, retryAfterMs: 3_000_000 });
    clock.advance(2_999_999);
    expect(limit.take()).toEqual({ ok: false, retryAfterMs: 1 });
    clock.advance(1);
    expect(limit.take().ok).toBe(true);
    expect(limit.take()).toEqual({ ok: false, retryAfterMs: 600_000 });
  });

  it('does not count what came to nothing, once', () => {
    const limit = new HourLimit(2, new FakeClock());
    const [first, second] = [limit.take(), limit.take()];
    if (!first.ok || !second.ok) throw new Error('refused');
    first.giveBack();
    first.giveBack();
    expect([limit.take().ok, limit.take().ok]).toEqual([true, false]);
  });

  it('of none is never free', () => {
    expect(new HourLimit(0, new FakeClock()).take()).toEqual({ ok: false, retryAfterMs: undefined });
  });
});
