import { describe, expect, it } from 'vitest';
import { isFlaky, MOST_K, passHatK, repeatsOf } from '../../../src/suites/report/repeats.ts';

/** The states of a case's repeats: p passed, f failed, i invalid, n not executed. */
const STATES = { p: 'passed', f: 'failed', i: 'invalid', n: 'not-executed' } as const;
const repeated = (id: string, states: string) =>
  [...states].map((letter, i) => ({
    id: states.length === 1 ? id : `${id}.r${i + 1}`,
    name: id,
    state: STATES[letter as keyof typeof STATES],
  }));

/** All ways to pick k of n. */
function picks(n: number, k: number, from = 0): number[][] {
  if (k === 0) return [[]];
  return Array.from({ length: n - from }, (_, i) => from + i).flatMap((first) =>
    picks(n, k - 1, first + 1).map((rest) => [first, ...rest]),
  );
}

describe('pass^k', () => {
  it('is the share of all picks of k calls in which all passed', () => {
    for (let n = 1; n <= 7; n++)
      for (let passed = 0; passed <= n; passed++)
        for (let k = 1; k <= n; k++) {
          const all = picks(n, k);
          const share = all.filter((pick) => pick.every((i) => i < passed)).length / all.length;
          expect(passHatK([{ n, passed }], k).value, `${passed} of ${n}, k ${k}`).toBeCloseTo(share, 12);
        }
  });

  it('is the mean over cases, of those that were called so often', () => {
    const cases = [
      { n: 4, passed: 4 },
      { n: 4, passed: 2 },
      { n: 1, passed: 0 },
    ];
    expect(passHatK(cases, 1)).toEqual({ k: 1, value: 0.5, cases: 3 });
    expect(passHatK(cases, 2).value).toBeCloseTo((1 + 1 / 6) / 2);
    expect(passHatK(cases, 5)).toEqual({ k: 5, value: null, cases: 0 });
  });

  it('can be had of a thousand calls', () => {
    expect(passHatK([{ n: 1_000, passed: 900 }], 10).value).toBeCloseTo(0.3469, 3);
  });
});

describe('repeats', () => {
  it('are gathered by case; what is invalid or was not executed counts for nothing', () => {
    expect(repeatsOf([...repeated('a', 'pfpi'), ...repeated('b.2', 'ppnp'), ...repeated('c', 'f')])).toEqual({
      cases: [
        { id: 'a', name: 'a', n: 3, passed: 2 },
        { id: 'b.2', name: 'b.2', n: 3, passed: 3 },
        { id: 'c', name: 'c', n: 1, passed: 0 },
      ],
      passHatK: [
        { k: 1, value: expect.closeTo(5 / 9), cases: 3 },
        { k: 2, value: expect.closeTo((1 / 3 + 1) / 2), cases: 2 },
        { k: 3, value: 0.5, cases: 2 },
      ],
    });
  });

  it('are none where every case was called once, and of many calls no more than so many k are told', () => {
    expect(repeatsOf([...repeated('a', 'p'), ...repeated('b', 'f')])).toBeUndefined();
    expect(repeatsOf(repeated('a', 'pi'))).toBeUndefined();
    expect(repeatsOf(repeated('a', 'p'.repeat(50)))?.passHatK).toHaveLength(MOST_K);
  });

  it('show which case cannot be relied on', () => {
    expect([0, 1, 3].map((passed) => isFlaky({ n: 3, passed }))).toEqual([false, true, false]);
  });
});
