import { describe, expect, it } from 'vitest';
import { withDeadline } from '../../../src/memory/deadline.ts';
import { HourLimit } from '../../../src/memory/hour-limit.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, hourLimit, silentMemory } from '../../fakes/memory.ts';

describe('the limit of an hour', () => {
  it('grants so many uses in any 60 minutes, and says when the next is free', async () => {
    const clock = new FakeClock();
    const limit = hourLimit(2, clock);
    expect((await limit.take()).ok).toBe(true);
    clock.advance(600_000);
    expect((await limit.take()).ok).toBe(true);
    expect(await limit.take()).toEqual({ ok: false, retryAfterMs: 3_000_000 });
    clock.advance(2_999_999);
    expect(await limit.take()).toEqual({ ok: false, retryAfterMs: 1 });
    clock.advance(1);
    expect((await limit.take()).ok).toBe(true);
    expect(await limit.take()).toEqual({ ok: false, retryAfterMs: 600_000 });
  });

  it('does not count what came to nothing, once', async () => {
    const limit = hourLimit(2);
    const [first, second] = [await limit.take(), await limit.take()];
    if (!first.ok || !second.ok) throw new Error('refused');
    first.giveBack();
    first.giveBack();
    expect([(await limit.take()).ok, (await limit.take()).ok]).toEqual([true, false]);
  });

  it('of none is never free', async () => {
    expect(await hourLimit(0).take()).toEqual({ ok: false, retryAfterMs: undefined });
  });
});

describe('the limit of an hour whose memory fails', () => {
  it('refuses what cannot be counted, for the moment', async () => {
    const failing = failingMemory();
    const limit = new HourLimit(1, failing.memory, 'orders-hour');
    expect(await limit.take()).toEqual({ ok: false, retryAfterMs: 5_000 });
    failing.fails = false;
    const use = await limit.take();
    expect(use.ok).toBe(true);
    // What cannot be given back counts on.
    failing.fails = true;
    if (use.ok) use.giveBack();
    failing.fails = false;
    expect((await limit.take()).ok).toBe(false);
  });

  it('refuses after the deadline of one that does not answer', async () => {
    const clock = new FakeClock();
    const limit = new HourLimit(1, withDeadline(silentMemory(), { clock, ms: 500 }), 'orders-hour');
    const use = limit.take();
    await clock.advanceAsync(500);
    expect(await use).toEqual({ ok: false, retryAfterMs: 5_000 });
  });
});
