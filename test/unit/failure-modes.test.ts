import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasTest, testNames } from '../test-names.ts';

/** The table of failure modes and the tests that prove its rows stay together. */

const root = resolve(import.meta.dirname, '../..');
const ROWS = 53;

interface Row {
  readonly number: number;
  readonly cells: readonly string[];
  readonly proof: string;
}

function rowsOf(page: string): Row[] {
  return page.split('\n').flatMap((line) => {
    // A bar inside a cell is written with a backslash.
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [before, number = '', ...rest] = cells;
    if (before !== '' || !/^\d+$/.test(number)) return [];
    return [{ number: Number(number), cells: rest.slice(0, -1), proof: rest.at(-2) ?? '' }];
  });
}

const proofsOf = ({ proof }: Row) =>
  proof.split('<br>').map((one) => {
    const [, file, name] = /^`(test\/[\w./-]+\.ts)`: (\S.*)$/.exec(one.trim()) ?? [];
    return { written: one, file, name };
  });

const sources = new Map<string, string>();
function source(file: string): string {
  const known = sources.get(file) ?? readFileSync(join(root, file), 'utf8');
  sources.set(file, known);
  return known;
}

/** What is wrong with the table, a line each. */
function problemsOf(page: string, read: (file: string) => string = source): string[] {
  const rows = rowsOf(page);
  const problems: string[] = [];
  for (let number = 1; number <= ROWS; number++) {
    const found = rows.filter((row) => row.number === number).length;
    if (found !== 1) problems.push(`row ${number} is there ${found} times`);
  }
  for (const row of rows) {
    if (row.number < 1 || row.number > ROWS) problems.push(`there is no row ${row.number}`);
    if (row.cells.length !== 4 || row.cells.some((cell) => cell === ''))
      problems.push(`row ${row.number}: four cells, none empty`);
    for (const { written, file, name } of proofsOf(row)) {
      if (file === undefined || name === undefined) problems.push(`row ${row.number}: names no test: ${written}`);
      else if (!hasTest(read(file), name)) problems.push(`row ${row.number}: ${file} has no test "${name}"`);
    }
  }
  return problems;
}

describe('the table of failure modes', () => {
  const page = readFileSync(join(root, 'docs/failure-modes.md'), 'utf8');

  it('has each row once, and each row a test that is there', () => {
    expect(problemsOf(page)).toEqual([]);
  });

  it('is not held by tests that are gone: a renamed one, a lost row, an empty proof are found', () => {
    const [row] = rowsOf(page).filter(({ number }) => number === 34);
    const [first] = proofsOf(row!);
    const renamed = (file: string) =>
      file === first!.file
        ? source(file).replace(first!.name!.split(' > ').at(-1)!, 'does something else')
        : source(file);
    expect(problemsOf(page, renamed)).toContain(`row 34: ${first!.file} has no test "${first!.name}"`);
    expect(problemsOf(page.replace(/^\| 7 \|.*\n/m, ''))).toContain('row 7 is there 0 times');
    expect(problemsOf(page.replace(/^\| 7 \|/m, '| 8 |'))).toContain('row 8 is there 2 times');
    expect(problemsOf(page.replace(/^(\| 9 \|.*\|)[^|]*\|$/m, '$1 by nothing |'))).toContain(
      'row 9: names no test: by nothing',
    );
  });
});

/** A place in a template, with strings, a template and a brace of its own in it. */
const PLACE = `$${'{f("`x`", `'}$${'{1}`, "}")}'}`;

describe('the names of tests', () => {
  it.each([
    ["describe('a', () => { it('b', () => {}); });\nit('c', () => {});", ['a > b', 'c']],
    [
      "describe.concurrent('a', () => {\n  describe(\"b\", () => test.skip('c'));\n  it('d');\n});",
      ['a > b > c', 'a > d'],
    ],
    ["it.each([\n  ['(', ')'],\n])('b %s', () => {});", ['b %s']],
    ["it.each<[string, () => void]>([['x', () => f('y')]])('b %s');", ['b %s']],
    ["it.for([1])(\n  'over\\\nlines',\n  () => {},\n);", ['overlines']],
    ["it.skipIf(missing())('c', () => {});", ['c']],
    [`describe(\`a: ${PLACE}\`, () => { it('b', () => {}); });`, [`a: ${PLACE} > b`]],
    ["// it('no')\n/* it('no') */ const r = /it\\('no'['\"`]/; const s = \"it('no')\"; x.it('no'); it(name);", []],
    [`const a = \`$${'{/"([^"]+)"/.exec(b)?.[1]}'}\`; it('c', () => { expect(1 / 2 / 3); }); it('d');`, ['c', 'd']],
    ["it('says \\'no\\' and `yes`', () => {});", ["says 'no' and `yes`"]],
  ])('are read from %j', (text, names) => expect(testNames(text).map(({ full }) => full)).toEqual(names));

  it('made of cases are there while the case is', () => {
    const text = "describe('a', () => { it.each([['one', 1], [`two`, 2]])('does %s', () => {}); });";
    expect(
      ['a > does one', 'a > does two', 'a > does %s', 'a > does three', 'a > does'].map((n) => hasTest(text, n)),
    ).toEqual([true, true, true, false, false]);
  });
});
