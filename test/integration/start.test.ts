import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { sourcesDigest } from '../../src/sources.js';

/** Which form of the program a process begins with, by the very files that settle it, in a small project of its own whose programs say what they are. */

const root = join(import.meta.dirname, '../..');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** `called`: what its folder is called, which may hold what means something in an address. */
function project(called = 'project') {
  const folder = mkdtempSync(join(tmpdir(), 'start-'));
  folders.push(folder);
  const dir = join(folder, called);
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  };
  for (const name of ['src/start.js', 'src/load.js', 'src/sources.js', 'src/workers/start.js']) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    cpSync(join(root, name), join(dir, name));
  }
  write('package.json', '{ "type": "module" }');
  write('package-lock.json', '{}');
  write('deploy/bundle.ts', '');
  for (const name of ['main', 'workers/worker']) write(`src/${name}.ts`, `console.log('sources of ${name}' as string)`);
  return {
    write,
    build(text = 'built form') {
      const digest = sourcesDigest(dir);
      write(`dist/${digest}/main.js`, `console.log('${text} of main')`);
      write(`dist/${digest}/workers-worker.js`, `console.log('${text} of workers/worker')`);
    },
    run: (name = 'src/start.js') => execFileSync(process.execPath, [join(dir, name)], { encoding: 'utf8' }).trim(),
  };
}

it.each([
  ['src/start.js', 'main'],
  ['src/workers/start.js', 'workers/worker'],
])('%s begins with the built form as long as that is of the sources that are there', (file, name) => {
  const { write, build, run } = project();
  expect(run(file)).toBe(`sources of ${name}`);
  build();
  expect(run(file)).toBe(`built form of ${name}`);
  write('src/more.ts', '');
  expect(run(file), 'a source is new').toBe(`sources of ${name}`);
  build('another built form');
  expect(run(file)).toBe(`another built form of ${name}`);
});

it.each(['a#b', 'a?b', 'a%41b', 'a b'])('in a folder %s, too', (called) => {
  const { build, run } = project(called);
  build();
  expect(run()).toBe('built form of main');
});
