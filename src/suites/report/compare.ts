import type { Measures } from '../../measure/measures.ts';
import { latenciesOf, spread } from '../../measure/statistics.ts';
import { Random } from '../../media/random.ts';
import type { CaseReport, RunReport } from './types.ts';

/** What differs between two runs, and whether that is more than chance. Pure: the same runs have the same intervals. */

/** A run with its cases, as `--json` writes them. */
export interface WholeRun {
  readonly run: RunReport;
  readonly cases: readonly CaseReport[];
}

/** A figure of two runs. `low` and `high` bound the difference with 95 %; null where there are too few calls to say. */
export interface Change {
  readonly name: string;
  readonly unit: 'ms' | 'share';
  readonly before: number;
  readonly now: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Of fewer calls no interval is told. */
const LEAST_CALLS = 5;
const RESAMPLES = 1_000;
/** z of 95 %. */
const Z = 1.959964;

const POINTS = ['p50', 'p95'] as const;
type Point = (typeof POINTS)[number];

/** The share of cases that pass, greeting delay and response latency, where both runs have them. */
export function changesOf(before: WholeRun, now: WholeRun): Change[] {
  return [
    ...passRate(before.run, now.run),
    ...POINTS.flatMap((point) => percentile(`greeting delay ${point}`, point, greetings(before), greetings(now))),
    ...POINTS.flatMap((point) => percentile(`response latency ${point}`, point, latencies(before), latencies(now))),
  ];
}

/** Whether zero is not among what the difference may be. */
export const isCertain = ({ low, high }: Change): boolean => low !== null && high !== null && (low > 0 || high < 0);

function passRate({ counts: a }: RunReport, { counts: b }: RunReport): Change[] {
  const [n, m] = [a.passed + a.failed, b.passed + b.failed];
  if (n === 0 || m === 0) return [];
  const [before, now] = [a.passed / n, b.passed / m];
  const [low, high] = n < LEAST_CALLS || m < LEAST_CALLS ? [null, null] : newcombe(before, n, now, m);
  return [{ name: 'cases that pass', unit: 'share', before, now, low, high }];
}

/** Newcombe's interval of a difference of two shares, from Wilson's of each (method 10): https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I */
export function newcombe(before: number, n: number, now: number, m: number): [low: number, high: number] {
  const [l1, u1] = wilson(now, m);
  const [l2, u2] = wilson(before, n);
  const difference = now - before;
  return [
    difference - Math.sqrt((now - l1) ** 2 + (u2 - before) ** 2),
    difference + Math.sqrt((u1 - now) ** 2 + (before - l2) ** 2),
  ];
}

function wilson(share: number, n: number): [low: number, high: number] {
  const centre = (share + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n))) / (1 + (Z * Z) / n);
  return [centre - half, centre + half];
}

/** A call's values: of one call they are alike, so that calls, and not values, are drawn again. */
type Calls = ReadonlyArray<readonly number[]>;

const measured = ({ cases }: WholeRun): Measures[] =>
  cases.flatMap(({ state, measures }) =>
    (state === 'passed' || state === 'failed') && measures !== undefined ? [measures] : [],
  );
const greetings = (of: WholeRun): Calls =>
  measured(of).flatMap(({ greetingDelayMs }) => (greetingDelayMs === null ? [] : [[greetingDelayMs]]));
const latencies = (of: WholeRun): Calls =>
  measured(of)
    .map(({ turns }) => latenciesOf(turns))
    .filter((values) => values.length > 0);

function percentile(name: string, point: Point, a: Calls, b: Calls): Change[] {
  const before = spread(a.flat())[point];
  const now = spread(b.flat())[point];
  if (before === null || now === null) return [];
  const [low, high] = a.length < LEAST_CALLS || b.length < LEAST_CALLS ? [null, null] : drawn(a, b, point);
  return [{ name, unit: 'ms', before, now, low, high }];
}

/** The middle 95 % of the differences between calls of both runs drawn again and again (the percentile bootstrap, by calls). */
function drawn(a: Calls, b: Calls, point: Point): [low: number, high: number] {
  const random = new Random(1, 'comparison');
  const share = Number(point.slice(1)) / 100;
  const draw = (calls: Calls, all: Float64Array) => {
    let n = 0;
    for (let i = 0; i < calls.length; i++) for (const value of random.pick(calls)) all[n++] = value;
    return all.subarray(0, n).sort()[Math.ceil(share * n) - 1]!;
  };
  const room = (calls: Calls) => new Float64Array(calls.length * Math.max(...calls.map(({ length }) => length)));
  const [ofA, ofB] = [room(a), room(b)];
  const differences = Array.from({ length: RESAMPLES }, () => draw(b, ofB) - draw(a, ofA)).sort((x, y) => x - y);
  return [differences[Math.floor(0.025 * RESAMPLES)]!, differences[Math.ceil(0.975 * RESAMPLES) - 1]!];
}

/** The difference in words: by how much, and between which bounds. */
export function changeText({ unit, before, now, low, high }: Change): string {
  const text = (value: number) => (unit === 'ms' ? `${Math.round(value)} ms` : `${(value * 100).toFixed(0)} %`);
  const signed = (value: number) => `${value > 0 ? '+' : ''}${text(value)}`;
  const within = low === null || high === null ? 'too few calls to tell' : `95 %: ${signed(low)} to ${signed(high)}`;
  return `${text(before)} -> ${text(now)}, ${signed(now - before)} (${within})`;
}
