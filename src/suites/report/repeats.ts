import { KS } from '../gates.ts';
import type { CaseSummary, RunReport } from './types.ts';

/** What the repeats of a run's cases say together: how often each passed, and whether it can be relied on. Pure. */

export type Repeats = NonNullable<RunReport['repeats']>;
export type Repeated = Repeats['cases'][number];
export type PassHatK = Repeats['passHatK'][number];

/** As far as a gate may be set: what none can bound is not told either. */
export const MOST_K = Math.max(...KS);

/** Which of its repeats a case is; no name of a case has a dot, and of variants none has an r. */
const REPEAT = /\.r\d+$/;

/** Undefined where no case was called more than once: of one call each the share of those that passed says all. */
export function repeatsOf(summaries: ReadonlyArray<Pick<CaseSummary, 'id' | 'name' | 'state'>>): Repeats | undefined {
  const cases = new Map<string, { id: string; name: string; n: number; passed: number }>();
  for (const { id: full, name, state } of summaries) {
    if (state !== 'passed' && state !== 'failed') continue;
    const id = full.replace(REPEAT, '');
    const one = cases.get(id) ?? { id, name, n: 0, passed: 0 };
    one.n++;
    if (state === 'passed') one.passed++;
    cases.set(id, one);
  }
  const all = [...cases.values()];
  const most = Math.min(MOST_K, Math.max(0, ...all.map(({ n }) => n)));
  if (most < 2) return undefined;
  return { cases: all, passHatK: Array.from({ length: most }, (_, i) => passHatK(all, i + 1)) };
}

/**
 * Of each case C(passed, k) / C(n, k), the share of the ways to pick k of its calls in which all passed, which is the unbiased estimate; the mean over cases.
 * https://github.com/sierra-research/tau-bench/blob/main/tau_bench/run.py
 */
export function passHatK(cases: ReadonlyArray<Pick<Repeated, 'n' | 'passed'>>, k: number): PassHatK {
  const enough = cases.filter(({ n }) => n >= k);
  const sum = enough.reduce((all, { n, passed }) => all + shareOfPicks(passed, n, k), 0);
  return { k, value: enough.length === 0 ? null : sum / enough.length, cases: enough.length };
}

/** C(c, k) / C(n, k), as a product: neither has to be a number that can be held. */
function shareOfPicks(c: number, n: number, k: number): number {
  let share = 1;
  for (let i = 0; i < k; i++) share *= Math.max(0, c - i) / (n - i);
  return share;
}

/** Whether some of a case's calls passed and others did not. */
export const isFlaky = ({ n, passed }: Pick<Repeated, 'n' | 'passed'>): boolean => passed > 0 && passed < n;
