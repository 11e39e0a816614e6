import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const entry = join(import.meta.dirname, '../../../deploy/new-user.js');

it('whoever starts the new user’s way with a Node that reads no types is told what is needed, and not by a stack', () => {
  const { status, stderr } = spawnSync(process.execPath, ['--no-strip-types', entry], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('npm run newuser');
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

it('with the Node that the project brings it begins', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, '--help'], { encoding: 'utf8' });
  expect([status, stdout.split('\n')[0], stderr]).toEqual([0, 'Usage: npm run newuser -- [options]', '']);
});
