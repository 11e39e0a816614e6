import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { builtForm, sourcesDigest } from '../../../src/sources.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function project() {
  const root = mkdtempSync(join(tmpdir(), 'sources-'));
  folders.push(root);
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  mkdirSync(join(root, 'src/call'), { recursive: true });
  mkdirSync(join(root, 'deploy'));
  write('src/main.ts', 'main');
  write('src/call/call.ts', 'call');
  write('package-lock.json', '{}');
  write('deploy/bundle.ts', 'bundle');
  const build = () => mkdirSync(join(root, 'dist', sourcesDigest(root)), { recursive: true });
  return { root, write, build, isBuilt: () => builtForm(root, join(root, 'dist')) !== undefined };
}

it('a built form counts as long as it is of the sources that are there', () => {
  const { build, isBuilt } = project();
  expect(isBuilt(), 'there is none').toBe(false);
  build();
  expect(isBuilt()).toBe(true);
});

it.each([
  ['a changed source', ({ write }: ReturnType<typeof project>) => write('src/call/call.ts', 'Call')],
  ['another source', ({ write }: ReturnType<typeof project>) => write('src/call/calls.ts', '')],
  [
    'a source under another name',
    ({ root }: ReturnType<typeof project>) =>
      renameSync(join(root, 'src/call/call.ts'), join(root, 'src/call/cell.ts')),
  ],
  [
    'what moved from one source to the next',
    ({ write }: ReturnType<typeof project>) => {
      write('src/call/call.ts', 'callm');
      write('src/main.ts', 'ain');
    },
  ],
  ['another way of building', ({ write }: ReturnType<typeof project>) => write('deploy/bundle.ts', 'bundles')],
  ['other packages', ({ write }: ReturnType<typeof project>) => write('package-lock.json', '{ }')],
  ['sources that cannot be read', ({ root }: ReturnType<typeof project>) => rmSync(join(root, 'package-lock.json'))],
] as const)('it does not with %s', (_, change) => {
  const made = project();
  made.build();
  change(made);
  expect(made.isBuilt()).toBe(false);
});
