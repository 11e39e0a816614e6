import type { Figures } from '../../measure/measures.ts';
import { gateText } from '../gates.ts';
import { type Change, changeText, isCertain } from './compare.ts';
import { isFlaky } from './repeats.ts';
import { passHatRows, rowsOf } from './text.ts';
import type { CaseSummary, RunReport } from './types.ts';

/**
 * A run as Markdown, for a pull request's comment or the summary of a build's step (GitHub's flavour: https://github.github.com/gfm/). Whatever was said stays words: it makes no
 * table, no link and no picture, and calls nobody by name.
 */

/** A comment on GitHub holds 65,536 characters. */
const MOST_CHARACTERS = 60_000;
/** Cases that are told of with their reasons, and of each of these so many, so long. */
const MOST_CASES = 50;
const MOST_REASONS = 5;
const MOST_REASON = 300;

const SIGNS = { passed: '✅', failed: '❌', invalid: '⚠️', 'not-executed': '⏭️' } as const;

/** Words as Markdown has them without any meaning of its own, in one line, in a table, too. */
export function plainMarkdown(text: string): string {
  return (
    text
      .toWellFormed()
      .replace(/\p{Cc}+/gu, ' ')
      .trim()
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/[\\`*_{}[\]#|~$]/g, '\\$&')
      .replace(/^(\d+)(?=[.)](?:\s|$))/, '$1\\')
      .replace(/^(?=[-+=])/, '\\')
      // Names, numbers of issues and addresses are looked for in what is shown: a word joiner, which nobody sees, parts them from their signs.
      .replace(/[@#]|:(?=\/\/)|www(?=\.)/gi, '$&\u2060')
  );
}

/** `changes`: what differs from an earlier run. */
export function markdownReport(report: RunReport, changes: readonly Change[] = []): string {
  const { counts, planned, spent, figures, gates, repeats } = report;
  const money = spent.money === undefined ? '' : `, ${spent.money.toFixed(2)} in money`;
  const head = [
    `## ${report.state === 'passed' ? SIGNS.passed : report.state === 'failed' ? SIGNS.failed : SIGNS.invalid} ${plainMarkdown(report.suite)}: ${report.state}`,
    '',
    `**${counts.passed} passed**, ${counts.failed} failed, ${counts.invalid} invalid, ${counts['not-executed']} not executed, of ${planned}; ${spent.minutes.toFixed(1)} minutes of calls${money}.`,
    ...table(
      ['gate', ''],
      gates.map((gate) => [gate.state === 'kept' ? 'kept' : `**${gate.state}**`, plainMarkdown(gateText(gate))]),
    ),
    ...table(
      ['since the earlier run', ''],
      changes.map((one) => [
        plainMarkdown(one.name),
        `${isCertain(one) ? '**' : ''}${plainMarkdown(changeText(one))}${isCertain(one) ? '**' : ''}`,
      ]),
    ),
    ...table(
      ['figure', ''],
      (figures === undefined ? [] : rowsOf(figures as unknown as Figures)).map((row) => row.map(plainMarkdown)),
    ),
    ...table(
      ['repeats', ''],
      repeats === undefined
        ? []
        : [
            ...passHatRows(repeats).map((row) => row.map(plainMarkdown)),
            ...repeats.cases
              .filter(isFlaky)
              .slice(0, MOST_CASES)
              .map(({ name, n, passed }) => [`flaky: ${plainMarkdown(name)}`, `passed ${passed} of ${n}`]),
          ],
    ),
  ];
  const foot = [
    ...report.notes.map((note) => `\nNote: ${plainMarkdown(note)}`),
    '',
    `<sub>Run ${plainMarkdown(report.id)}, suite ${plainMarkdown(report.suiteFile)} (SHA-256 ${report.suiteHash.slice(0, 12)}), ${report.startedAt}.</sub>`,
    '',
  ];
  const bad = report.cases.filter(({ state }) => state !== 'passed');
  const told: string[] = [];
  let left = MOST_CHARACTERS - [...head, ...foot].join('\n').length;
  for (const one of bad.slice(0, MOST_CASES)) {
    const text = caseText(one);
    if (text.length + 1 > left) break;
    left -= text.length + 1;
    told.push(text);
  }
  const more = bad.length - told.length;
  return [
    ...head,
    ...(told.length === 0 ? [] : ['', `<details open><summary>Cases that did not pass</summary>`, '', ...told]),
    ...(more === 0 ? [] : [`- and ${more} more`]),
    ...(told.length === 0 ? [] : ['', '</details>']),
    ...foot,
  ].join('\n');
}

function table(head: readonly [string, string], rows: ReadonlyArray<readonly string[]>): string[] {
  if (rows.length === 0) return [];
  return ['', `| ${head.join(' | ')} |`, '| --- | --- |', ...rows.map((cells) => `| ${cells.join(' | ')} |`)];
}

function caseText({ id, name, state, reasons, attempts }: CaseSummary): string {
  const again = attempts > 1 ? `, called ${attempts} times` : '';
  const shown = reasons.slice(0, MOST_REASONS).map((reason) => {
    const short = reason.length > MOST_REASON ? `${reason.slice(0, MOST_REASON)}…` : reason;
    return `  - ${plainMarkdown(short)}`;
  });
  const more = reasons.length - shown.length;
  return [
    `- ${SIGNS[state]} **${plainMarkdown(name)}** (${plainMarkdown(id)}${again}): ${state}`,
    ...shown,
    ...(more > 0 ? [`  - and ${more} more`] : []),
  ].join('\n');
}
