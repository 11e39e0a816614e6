import type { Figures, Rate, Spread } from '../../measure/measures.ts';
import { gateText } from '../gates.ts';
import { type Change, changeText } from './compare.ts';
import { isFlaky, type Repeats } from './repeats.ts';
import type { CaseSummary, RunReport } from './types.ts';

/** A run for people, in lines of text. */

const SIGNS = { passed: 'ok  ', failed: 'FAIL', invalid: 'inv ', 'not-executed': '-   ' } as const;

/** One case, in a line of its own and one for each reason. */
export function caseLines({ id, name, state, reasons, durationMs, attempts }: CaseSummary): string[] {
  const length = state === 'not-executed' ? '' : `  ${(durationMs / 1000).toFixed(1)} s`;
  const again = attempts > 1 ? `, called ${attempts} times` : '';
  return [`${SIGNS[state]}  ${id}  ${name}${length}${again}`, ...reasons.map((reason) => `      ${reason}`)];
}

/** What all of it came to. `before`: an earlier run, whose figures are shown beside; `changes`: how far they differ. */
export function summaryLines(report: RunReport, before?: RunReport, changes: readonly Change[] = []): string[] {
  const { counts, planned, spent, figures, gates, repeats } = report;
  const lines = [
    `${report.suite}: ${report.state.toUpperCase()}`,
    `${counts.passed} passed, ${counts.failed} failed, ${counts.invalid} invalid, ${counts['not-executed']} not executed, of ${planned}`,
    `${spent.minutes.toFixed(1)} minutes of calls${spent.money === undefined ? '' : `, ${spent.money.toFixed(2)} in money`}`,
  ];
  if (figures !== undefined) {
    const now = rowsOf(figures as unknown as Figures);
    const then = new Map(before?.figures === undefined ? [] : rowsOf(before.figures as unknown as Figures));
    const width = Math.max(...now.map(([name]) => name.length));
    lines.push('');
    for (const [name, value] of now) {
      const old = then.get(name);
      lines.push(`${name.padEnd(width)}  ${value}${old === undefined || old === value ? '' : `  (before: ${old})`}`);
    }
  }
  if (repeats !== undefined)
    lines.push(
      '',
      ...passHatRows(repeats).map((row) => row.join('  ')),
      ...repeats.cases.filter(isFlaky).map(({ id, passed, n }) => `flaky: ${id}, passed ${passed} of ${n}`),
    );
  if (gates.length > 0) lines.push('', ...gates.map((gate) => `gate ${gate.state.padEnd(9)}  ${gateText(gate)}`));
  if (changes.length > 0)
    lines.push('', 'since the earlier run:', ...changes.map((one) => `  ${one.name}: ${changeText(one)}`));
  if (before !== undefined) lines.push(...otherStates(report, before));
  return [...lines, ...report.notes.map((note) => `note: ${note}`)];
}

function otherStates(report: RunReport, before: RunReport): string[] {
  const then = new Map(before.cases.map((one) => [one.id, one.state]));
  const changed = report.cases.filter(({ id, state }) => then.has(id) && then.get(id) !== state);
  if (changed.length === 0) return ['', `no case has another state than in ${before.id}`];
  return ['', `since ${before.id}:`, ...changed.map(({ id, state }) => `  ${id}: ${then.get(id)} -> ${state}`)];
}

const ms = (value: number | null) => (value === null ? 'too few' : `${Math.round(value)} ms`);
const NO_RATE: Rate = { n: 0, count: 0, rate: null };
const NO_SPREAD: Spread = { n: 0, mean: null, p50: null, p90: null, p95: null, p99: null, max: null };
const spreadText = ({ n, p50, p90, p95, max }: Spread) =>
  n === 0 ? 'none' : `p50 ${ms(p50)}, p90 ${ms(p90)}, p95 ${ms(p95)}, max ${ms(max)} (n ${n})`;
const rateText = ({ n, count, rate }: Rate) =>
  n === 0 ? 'none' : `${count} of ${n}${rate === null ? '' : ` (${(rate * 100).toFixed(0)} %)`}`;

/** pass^k for people: how likely so many calls of a case all pass. */
export function passHatRows({ passHatK }: Repeats): Array<[name: string, value: string]> {
  return passHatK.map(({ k, value, cases }) => [
    `pass^${k}`,
    `${value === null ? 'too few' : value.toFixed(2)} (${cases} ${cases === 1 ? 'case' : 'cases'})`,
  ]);
}

/** The figures that a reader looks at first, by name. */
export function rowsOf(figures: Figures): Array<[name: string, value: string]> {
  const rows: Array<[string, string]> = [
    ['greeting delay', spreadText(figures.greetingDelayMs)],
    ['response latency', spreadText(figures.responseLatencyMs)],
    // A run that an earlier version made has neither.
    ['less the way', spreadText(figures.responseLatencyLessPathMs ?? NO_SPREAD)],
    ['turns with our frames late', rateText(figures.ownLate ?? NO_RATE)],
    ['missed turns', rateText(figures.missed)],
    ['early answers', rateText(figures.early)],
    ['late answers', rateText(figures.late)],
    ['agent interrupts', rateText(figures.agentInterruptions)],
    ['agent yields', rateText(figures.yielded)],
    ['time to yield', spreadText(figures.yieldMs)],
    ...Object.entries(figures.held).map(([kind, rate]): [string, string] => [`undisturbed by ${kind}`, rateText(rate)]),
    ['dead air', `${figures.deadAir.count} times, longest ${Math.round(figures.deadAir.longestMs)} ms`],
    ['repeated sentences', rateText(figures.repeated)],
    [
      'agent talks',
      figures.agentTalkRatio === null ? 'none' : `${(figures.agentTalkRatio * 100).toFixed(0)} % of all speech`,
    ],
    ['words a minute', figures.agentWordsPerMinute === null ? 'none' : figures.agentWordsPerMinute.toFixed(0)],
  ];
  return rows.filter(([, value]) => value !== 'none');
}
