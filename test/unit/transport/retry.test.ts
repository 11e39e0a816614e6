import { describe, expect, it } from 'vitest';
import { backoffMs, withRetry } from '../../../src/transport/retry.ts';
import { FakeClock } from '../../fakes/clock.ts';

const failing = (times: number) => {
  const tries: number[] = [];
  const once = async (n: number) => {
    tries.push(n);
    if (n <= times) throw new Error(`try ${n}`);
    return 'done';
  };
  return { tries, once };
};

/** Time goes on behind what is at hand. */
const pass = async (clock: FakeClock, ms: number) => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
  await clock.advanceAsync(ms, ms);
};

describe('asking again', () => {
  it('waits as it is told after each failure, and tells which try it was', async () => {
    const clock = new FakeClock();
    const { tries, once } = failing(2);
    const told: Array<[string, number]> = [];
    const waitMs = (error: unknown, n: number) => {
      told.push([(error as Error).message, n]);
      return n * 100;
    };
    const done = withRetry(once, { clock, waitMs });
    await pass(clock, 99);
    expect(tries).toEqual([1]);
    await pass(clock, 1);
    expect(tries).toEqual([1, 2]);
    await pass(clock, 199);
    expect(tries).toEqual([1, 2]);
    await pass(clock, 1);
    expect(await done).toBe('done');
    expect(told).toEqual([
      ['try 1', 1],
      ['try 2', 2],
    ]);
  });

  it('fails with the last failure where it is not to be tried again', async () => {
    const { tries, once } = failing(5);
    const waitMs = (_: unknown, n: number) => (n < 3 ? 1 : undefined);
    const clock = new FakeClock();
    const done = withRetry(once, { clock, waitMs }).catch((error: Error) => error.message);
    await pass(clock, 1);
    await pass(clock, 1);
    expect(await done).toBe('try 3');
    expect(tries).toEqual([1, 2, 3]);
  });

  it('ends with the reason of the signal while it waits, without another try', async () => {
    const { tries, once } = failing(5);
    const given = new AbortController();
    const clock = new FakeClock();
    const done = withRetry(once, { clock, signal: given.signal, waitMs: () => 1_000 }).catch((error) => error);
    await pass(clock, 500);
    given.abort(new Error('no longer wanted'));
    expect(await done).toEqual(new Error('no longer wanted'));
    await pass(clock, 1_000);
    expect(tries).toEqual([1]);
  });

  it('doubles its pauses, drawn from the upper half', () => {
    expect([1, 2, 3].map((n) => backoffMs(200, n, () => 1))).toEqual([200, 400, 800]);
    expect([1, 2, 3].map((n) => backoffMs(200, n, () => 0))).toEqual([100, 200, 400]);
  });
});
