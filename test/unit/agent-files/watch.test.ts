import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FilesWatch } from '../../../src/agent-files/watch.ts';
import { FakeClock } from '../../fakes/clock.ts';

let folder: string;
let routes: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-files-'));
  routes = join(folder, 'routes.yaml');
  writeFileSync(join(folder, 'default.md'), 'Be kind.');
  writeFileSync(routes, 'routes: []');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function watch() {
  let wrong: string[] = [];
  let checks = 0;
  const told: Array<readonly string[]> = [];
  const files = new FilesWatch({
    clock: new FakeClock(),
    folders: [folder],
    files: [routes],
    check: async () => {
      checks++;
      return { problems: wrong };
    },
    changed: (problems) => void told.push(problems),
  });
  return {
    files,
    told,
    checks: () => checks,
    edit(path: string, text: string, problems: string[]) {
      wrong = problems;
      writeFileSync(path, text);
      return files.look();
    },
  };
}

it('reads the files again when one changed, and tells what is wrong once', async () => {
  const { files, told, edit, checks } = watch();
  await files.look();
  const before = checks();
  await files.look();
  expect(checks()).toBe(before);
  await edit(join(folder, 'default.md'), '---\nvoice: [\n---\n', ['default.md:2: not valid YAML']);
  expect(files.problems).toEqual(['default.md:2: not valid YAML']);
  await edit(join(folder, 'default.md'), 'Be kind, again.', []);
  expect(files.problems).toEqual([]);
  expect(told).toEqual([['default.md:2: not valid YAML'], []]);
  files.close();
});

it('looks again where the routes changed, and says nothing of it where they are right', async () => {
  const { files, told, edit, checks } = watch();
  await files.look();
  const before = checks();
  await edit(routes, 'routes: [1, 2]', []);
  expect([checks() - before, files.problems]).toEqual([1, []]);
  await edit(routes, 'routes: [', [`${routes}:1: not valid YAML`]);
  expect([files.problems, told]).toEqual([[`${routes}:1: not valid YAML`], [[`${routes}:1: not valid YAML`]]]);
  files.close();
});

it('counts a check that fails as what is wrong', async () => {
  const files = new FilesWatch({
    clock: new FakeClock(),
    folders: [folder],
    files: [],
    check: async () => {
      throw new Error('EACCES');
    },
    changed: () => {},
  });
  await files.look();
  expect(files.problems).toEqual(['EACCES']);
  files.close();
});
