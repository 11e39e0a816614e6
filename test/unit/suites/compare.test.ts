import { describe, expect, it } from 'vitest';
import type { Measures } from '../../../src/measure/measures.ts';
import { Random } from '../../../src/media/random.ts';
import { changesOf, changeText, isCertain, newcombe, type WholeRun } from '../../../src/suites/report/compare.ts';

/** Runs of one figure: each call with these latencies. */
function runOf(calls: ReadonlyArray<readonly number[]>, counts = { passed: 10, failed: 0 }): WholeRun {
  const cases = calls.map((latencies) => ({
    state: 'passed',
    measures: {
      greetingDelayMs: null,
      turns: latencies.map((latencyMs) => ({ outcome: 'answered', latencyMs })),
    } as unknown as Measures,
  }));
  return { run: { counts }, cases } as unknown as WholeRun;
}
const latencyOf = (before: WholeRun, now: WholeRun) =>
  changesOf(before, now).find(({ name }) => name === 'response latency p50')!;

describe('the difference of two shares', () => {
  it('has the bounds that Newcombe printed for his method 10', () => {
    // 56 of 70 against 48 of 80, and 9 of 10 against 3 of 10: table II of the paper.
    for (const [a, n, b, m, low, high] of [
      [48, 80, 56, 70, 0.0524, 0.3339],
      [3, 10, 9, 10, 0.1705, 0.809],
    ] as const) {
      const bounds = newcombe(a / n, n, b / m, m);
      expect(bounds[0]).toBeCloseTo(low, 3);
      expect(bounds[1]).toBeCloseTo(high, 3);
    }
  });
});

describe('the difference of two runs', () => {
  const random = new Random(7);
  const calls = (n: number, middle: number, spread: number) =>
    Array.from({ length: n }, () => {
      const own = middle + spread * random.normal();
      return Array.from({ length: 4 }, () => own + 20 * random.normal());
    });

  it('is certain where it is large for how much calls differ, and else is not', () => {
    const before = runOf(calls(30, 800, 50));
    expect(isCertain(latencyOf(before, runOf(calls(30, 950, 50))))).toBe(true);
    expect(isCertain(latencyOf(before, before))).toBe(false);
  });

  it('is taken for more than chance in hardly more than one of twenty pairs of runs that are alike', () => {
    let certain = 0;
    for (let i = 0; i < 60; i++)
      if (isCertain(latencyOf(runOf(calls(15, 800, 100)), runOf(calls(15, 800, 100))))) certain++;
    expect(certain).toBeLessThanOrEqual(8);
  });

  it('has no bounds where there are few calls, and is none where one has no such figure', () => {
    const few = latencyOf(runOf([[700, 710, 720]]), runOf([[800, 810, 820]]));
    expect(few).toEqual({ name: 'response latency p50', unit: 'ms', before: 710, now: 810, low: null, high: null });
    expect(changeText(few)).toBe('710 ms -> 810 ms, +100 ms (too few calls to tell)');
    expect(changesOf(runOf([]), runOf([[800, 810, 820]])).map(({ name }) => name)).toEqual(['cases that pass']);
  });

  it('is the same each time', () => {
    const [a, b] = [runOf(calls(20, 800, 80)), runOf(calls(20, 830, 80))];
    expect(changesOf(a, b)).toEqual(changesOf(a, b));
  });
});
