import { beforeEach, describe, expect, it } from 'vitest';
import { CaseQueue } from '../../../src/suites/case-queue.ts';
import type { PlannedCase } from '../../../src/suites/plan.ts';
import { ProviderLimits } from '../../../src/suites/provider-limits.ts';
import { suiteSettings } from '../../../src/suites/settings.ts';
import { FakeClock } from '../../fakes/clock.ts';

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});
const going = new AbortController().signal;

describe('the limits of a provider', () => {
  it('have so many calls at a time, and the next when one is over', () => {
    const limits = new ProviderLimits(clock, { a: { concurrency: 2 } });
    expect([limits.take('a'), limits.take('a'), limits.take('a'), limits.take('b')]).toEqual([true, true, false, true]);
    expect(limits.waitMs('a')).toBeUndefined();
    limits.free('a');
    expect([limits.take('a'), limits.take('a')]).toEqual([true, false]);
  });

  it('let no more begin within any minute, wherever it is laid', () => {
    const limits = new ProviderLimits(clock, { a: { per_minute: 3 } });
    const began: number[] = [];
    for (let i = 0; i < 3_000; i++) {
      if (limits.take('a')) {
        began.push(clock.now());
        limits.free('a');
      }
      // At no even pace: calls come in bunches.
      clock.advance(i % 7 === 0 ? 350 : 10);
    }
    expect(began.length).toBeGreaterThan(6);
    for (const at of began) expect(began.filter((one) => one >= at && one < at + 60_000).length).toBeLessThanOrEqual(3);
    // Nor fewer than may.
    expect(began[3]! - began[0]!).toBeLessThanOrEqual(60_350);
  });

  it('begin no call while the provider wants to be left alone, of no run', async () => {
    const above = new ProviderLimits(clock, {});
    const [one, other] = [new ProviderLimits(clock, {}, above), new ProviderLimits(clock, {}, above)];
    one.rest('a', 7_000);
    expect([one.waitMs('a'), other.waitMs('a'), other.waitMs('b')]).toEqual([7_000, 7_000, 0]);
    let isOver = false;
    void other.wait(['a'], going).then(() => (isOver = true));
    await clock.advanceAsync(6_900);
    expect([isOver, other.take('a')]).toEqual([false, false]);
    await clock.advanceAsync(100);
    expect([isOver, other.take('a')]).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });

  it('are those of all runs, and of one, whichever is less', () => {
    const above = new ProviderLimits(clock, { a: { concurrency: 3 } });
    const one = new ProviderLimits(clock, { a: { concurrency: 2 } }, above);
    const other = new ProviderLimits(clock, {}, above);
    expect([one.take('a'), one.take('a'), one.take('a')]).toEqual([true, true, false]);
    expect([other.take('a'), other.take('a')]).toEqual([true, false]);
    one.free('a');
    expect([other.take('a'), one.take('a')]).toEqual([true, false]);
  });

  it('let nobody wait who is told to stop', async () => {
    const limits = new ProviderLimits(clock, { a: { concurrency: 1 } });
    limits.take('a');
    const stop = new AbortController();
    const waits = limits.wait(['a'], stop.signal);
    stop.abort();
    await waits;
    expect(clock.pending).toBe(0);
  });
});

describe('the cases of a run', () => {
  const caseOf = (id: string, kind: string) => ({ id, target: { kind } }) as unknown as PlannedCase;
  const idOf = async (queue: CaseQueue) => (await queue.next())?.planned.id;

  it('are called in their order, but for those whose provider has no place', async () => {
    const limits = new ProviderLimits(clock, { a: { concurrency: 1 } });
    const queue = new CaseQueue([caseOf('1', 'a'), caseOf('2', 'a'), caseOf('3', 'b')], limits, going);
    const first = await queue.next();
    expect([first?.planned.id, await idOf(queue)]).toEqual(['1', '3']);
    const next = idOf(queue);
    first?.place.free();
    first?.place.free();
    expect(await next).toBe('2');
    expect(await idOf(queue)).toBeUndefined();
    expect([...queue.waited]).toEqual([['a', 1]]);
  });

  it('wait for a place of their own when they are called again, and for the provider', async () => {
    const limits = new ProviderLimits(clock, { a: { concurrency: 1 } });
    const queue = new CaseQueue([caseOf('1', 'a')], limits, going);
    const { place } = (await queue.next())!;
    let isThere = false;
    void place.again(3_000).then(() => (isThere = true));
    await clock.advanceAsync(2_900);
    expect(isThere).toBe(false);
    await clock.advanceAsync(200);
    expect([isThere, limits.take('a')]).toEqual([true, false]);
    place.free();
    expect(limits.take('a')).toBe(true);
  });

  it('are all given at once when the run is stopped, and take no place', async () => {
    const stop = new AbortController();
    const limits = new ProviderLimits(clock, { a: { concurrency: 1 } });
    const queue = new CaseQueue([caseOf('1', 'a'), caseOf('2', 'a'), caseOf('3', 'a')], limits, stop.signal);
    const first = await queue.next();
    const waits = queue.next();
    stop.abort();
    expect((await waits)?.planned.id).toBe('2');
    expect(await idOf(queue)).toBe('3');
    first?.place.free();
    (await waits)?.place.free();
    expect([limits.take('a'), limits.take('a')]).toEqual([true, false]);
  });
});

describe('the setting of limits', () => {
  const read = (text: string) => suiteSettings.TESTS_LIMITS.safeParse(text);
  it('is read, and refused with what would be right', () => {
    expect(read('retell=10/60, vapi=5,b=/3').data).toEqual({
      retell: { concurrency: 10, per_minute: 60 },
      vapi: { concurrency: 5 },
      b: { per_minute: 3 },
    });
    expect(read('').data).toEqual({});
    expect(read('a=99999/99999').data).toEqual({ a: { concurrency: 99_999, per_minute: 99_999 } });
    for (const text of [
      'a',
      'a=',
      'a=/',
      'a=0',
      'a=1,a=2',
      'a=1/',
      'A=1',
      'a=-1',
      'a=1/2/3',
      '=1',
      'a=100000',
      'a=1/100000',
    ])
      expect(read(text).error?.issues[0]?.message, text).toContain('must be like');
  });
});
