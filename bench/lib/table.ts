import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';

/** Plain tables for a terminal, and the verdicts against the targets. */

export const print = (line = ''): void => void process.stdout.write(`${line}\n`);

/** Rows under a title: the first column to the left, the others to the right. */
export function table(title: string, head: readonly string[], rows: ReadonlyArray<readonly string[]>): void {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  print();
  print(title);
  print(line(head));
  print(line(widths.map((width) => '-'.repeat(width))));
  for (const row of rows) print(line(row));
}

/** A number with `digits` decimals, or a dash where nothing was measured. */
export const n = (value: number | undefined, digits = 2): string =>
  value === undefined || !Number.isFinite(value) ? '-' : value.toFixed(digits);

/** One target and what was reached. */
export interface Verdict {
  readonly what: string;
  readonly value: number;
  /** Most that passes. */
  readonly target: number;
  readonly unit: string;
}

export const passes = ({ value, target }: Verdict): boolean => value <= target;

/** Prints the verdicts; true when all pass. */
export function verdicts(list: readonly Verdict[]): boolean {
  if (list.length === 0) return true;
  table(
    'Targets',
    ['', 'measured', 'target', 'unit', 'verdict'],
    list.map((v) => [v.what, n(v.value), `<= ${Number(v.target.toFixed(2))}`, v.unit, passes(v) ? 'PASS' : 'MISS']),
  );
  return list.every(passes);
}

/** Machine and date: numbers without them say nothing. */
export function header(): void {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  print(`voicebridge bench, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, commit ${commit()}`);
  print(
    `${availableParallelism()} x ${model}, Node ${process.version}, ${process.platform} ${process.arch}, load average ${loadavg()
      .map((l) => l.toFixed(1))
      .join(' ')}`,
  );
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return 'unknown';
  }
}
