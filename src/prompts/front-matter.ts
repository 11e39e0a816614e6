import { type FileProblem, lineAt } from '../operator-file.ts';
import { commonKeys, type PromptKind } from './settings.ts';

/**
 * Where a prompt's front matter ends and its words begin. What looks like front matter and is none would be read to the model as words,
 * and what it says (which tools, no recording) would be lost: it is an error instead.
 */

export interface PromptParts {
  /** The YAML between the fences; empty when there are none. */
  readonly front: string;
  /** The file's line that `front` begins in. */
  readonly frontLine: number;
  readonly body: string;
  /** The file's line that `body` begins in. */
  readonly bodyLine: number;
  readonly problems: readonly FileProblem[];
}

/** A line that sets a key of the front matter, in any spelling (`Turn_Detection`, `turn-detection`), as YAML, TOML or JSON has it. */
function setsKey(kinds: readonly PromptKind[]): RegExp {
  // Words may well begin with "Agent:"; with the name of a kind behind it, or an object, they hardly do.
  const { agent: _, ...common } = commonKeys;
  const keys = [common, ...kinds.map(({ options }) => options.prompt)].flatMap((shape) => Object.keys(shape));
  const anyKey = keys.map((key) => key.replace(/(?<=[a-z])(?=[A-Z])/g, '[-_ ]?')).join('|');
  const names = kinds.map(({ name }) => name).join('|');
  return new RegExp(
    `^[\\s{,]*["']?(?:(?:${anyKey})["']?\\s*[:=\uff1a]|agent["']?\\s*[:=\uff1a]\\s*(?:["']?(?:${names})["']?,?\\s*$|\\{\\s*["']?kind\\b))`,
    'i',
  );
}
/** A line that can be nothing else, wherever it stands: what it says would be lost without a word, and a call recorded. */
const SURELY_SETS =
  /^[\s{,>*-]*["'`]?(?:tools["'`]?\s*[:=]\s*\[.*\]|recording["'`]?\s*[:=]\s*["'`]?(?:off|no|false)["'`]?),?\s*(?:#.*)?$/i;
/** Lines that fence front matter elsewhere, or are what an editor made of its fence. */
const ODD_FENCE = /^(?:[*_=~]{3,}|\P{ASCII}{1,3}-{3})$/u;
/** Dashes as editors make them of `---`: hyphens, en and em dashes, minus signs. */
const DASHES = /^[-\u2010-\u2015\u2212]+$/;
const CODE_FENCE = /^\s*(```|~~~)/;
const COMMENT = /^\s*(#|<!--)/;

/** A line without what is not seen: spaces, and format characters such as U+200B. */
const seen = (line: string) => line.replace(/[\p{Z}\p{Cf}\s]/gu, '');
const isDashes = (line: string) => DASHES.test(seen(line)) && (seen(line).length > 1 || /[\u2013-\u2015]/.test(line));

/** Cuts a prompt's text, as `plainText` makes it, into its front matter and its words. `kinds`: the agents that its keys may be of. */
export function splitPrompt(text: string, kinds: readonly PromptKind[]): PromptParts {
  const sets = setsKey(kinds);
  const lines = text.split('\n');
  const first = lines.findIndex((line) => seen(line) !== '');
  const opening = lines[first]?.trimEnd();
  if (opening !== '---') {
    const found = [...falseStart(lines, first, sets), ...strayBlocks(lines, 0, sets)];
    const problems = found.length > 0 ? found : strayLines(lines, 0);
    return { front: '', frontLine: 1, body: text, bodyLine: 1, problems };
  }
  const end = lines.findIndex((line, i) => i > first && /^(---|\.\.\.)\s*$/.test(line));
  if (end < 0) {
    const problem = 'the front matter that begins here has no end: a line of its own with --- and nothing else';
    return { front: '', frontLine: 1, body: '', bodyLine: 1, problems: [{ line: first + 1, problem }] };
  }
  const stray = strayBlocks(lines, end + 1, sets);
  return {
    front: lines.slice(first + 1, end).join('\n'),
    frontLine: first + 2,
    body: lines.slice(end + 1).join('\n'),
    bodyLine: end + 2,
    problems: stray.length > 0 ? stray : strayLines(lines, end + 1),
  };
}

/** What the first line that says anything looks like, where it does not open front matter. */
function falseStart(lines: readonly string[], first: number, sets: RegExp): FileProblem[] {
  const line = lines[first] ?? '';
  const next = lines.slice(first + 1).find((other) => seen(other) !== '') ?? '';
  const is = (problem: string): FileProblem[] => [{ line: first + 1, problem }];
  if (isDashes(line) || /^[\p{Z}\p{Cf}\s]*-{3}/u.test(line))
    return is('looks like front matter and is none: it begins with a line of exactly three hyphens, ---');
  if (ODD_FENCE.test(seen(line)) && sets.test(next))
    return is('looks like front matter and is none: it stands between two lines of exactly three hyphens, ---');
  if (/^(\+\+\+|;;;)$/.test(seen(line)))
    return is('looks like front matter of another kind: it is YAML between two lines of ---');
  if ((CODE_FENCE.test(line) || seen(line) === '{') && sets.test(next))
    return is('looks like front matter in a block: it is YAML between two lines of ---');
  // Behind comments, too: neither they nor settings belong to the model.
  const words = lines.findIndex((other, i) => i >= first && seen(other) !== '' && !COMMENT.test(other));
  if (words >= 0 && sets.test(lines[words]!) && (words === first || isSetting(lines, words)))
    return [{ line: words + 1, problem: 'looks like front matter without the line of --- before it' }];
  return [];
}

/** Whether settings go on to a line of dashes: words that happen to begin with "language:" do not. */
function isSetting(lines: readonly string[], at: number): boolean {
  const end = lines.findIndex((line, i) => i > at && (isDashes(line) || seen(line) === '...'));
  return end > 0 && lines.slice(at, end).every((line) => seen(line) === '' || /^\s|^[-\w"']+\s*:|^- /.test(line));
}

/** Lines of dashes, from line index `from` on, behind which settings stand: front matter that is not at the beginning. */
function strayBlocks(lines: readonly string[], from: number, sets: RegExp): FileProblem[] {
  const problems: FileProblem[] = [];
  let fenced = false;
  for (let i = from; i < lines.length; i++) {
    if (CODE_FENCE.test(lines[i]!)) fenced = !fenced;
    if (fenced || !isDashes(lines[i]!)) continue;
    const next = lines.findIndex((line, j) => j > i && seen(line) !== '' && !/^\s*#/.test(line));
    if (next > i && sets.test(lines[next]!)) {
      const problem =
        'looks like front matter that is not the first thing in the file; a line across the words is written ***';
      problems.push({ line: i + 1, problem });
    }
  }
  return problems;
}

/** Settings among the words, from line index `from` on. */
function strayLines(lines: readonly string[], from: number): FileProblem[] {
  let fenced = false;
  const problems: FileProblem[] = [];
  for (let i = from; i < lines.length; i++) {
    if (CODE_FENCE.test(lines[i]!)) fenced = !fenced;
    else if (!fenced && SURELY_SETS.test(lines[i]!))
      problems.push({
        line: i + 1,
        problem: 'looks like front matter among the words: it stands first, between two lines of ---',
      });
  }
  return problems;
}

/** The line of the file on which an offset of a part is. */
export function lineIn(part: string, firstLine: number, offset: number): number {
  return firstLine + lineAt(part, offset) - 1;
}
