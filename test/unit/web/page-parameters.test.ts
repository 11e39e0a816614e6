import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** What a page reads from its address. */
const readBy = (file: string) =>
  [...read(file).matchAll(/query\.get\('([\w-]+)'\)/g)].map(([, name = '']) => name).sort();

/** What the first column of the table below this row's head names. */
function described(file: string, head: string): string[] {
  const [, rows = ''] = read(file).split(`| ${head} | |\n| --- | --- |\n`);
  const column =
    rows
      .split('\n\n')[0]
      ?.split('\n')
      .map((row) => row.split('|')[1] ?? '') ?? [];
  return column.flatMap((cell) => [...cell.matchAll(/`([\w-]+)(?:=[^`]*)?`/g)].map(([, name = '']) => name)).sort();
}

it.each([
  ['web/phone/page.js', 'docs/browser.md'],
  ['web/livekit/page.js', 'docs/livekit.md'],
])('%s reads from its address what %s says that it does, and nothing else', (page, document) => {
  expect(readBy(page).length).toBeGreaterThan(0);
  expect(described(document, 'in its address')).toEqual(readBy(page));
});
