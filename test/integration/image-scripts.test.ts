import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** What the image runs, by the scripts themselves: its entry point with a stand-in for node, its health check against servers. */

const root = resolve(import.meta.dirname, '../..');
/** The daemon is started as `npm start` does. */
const START = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
).scripts.start.replace(/^node /, '');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-image-'));
  writeFileSync(join(folder, 'node'), '#!/bin/sh\necho "node $* in $(pwd) as $$"\n');
  chmodSync(join(folder, 'node'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(command: string, args: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; out: string; err: string; pid: number | undefined }>((done) => {
    const child = execFile(command, args, { cwd: '/', env: { PATH: process.env['PATH'], ...env } }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err, pid: child.pid }),
    );
  });
}
const enter = (...args: string[]) =>
  run('/bin/sh', [join(root, 'deploy/entrypoint.sh'), ...args], { PATH: `${folder}:${process.env['PATH']}` });

describe('the entry point', () => {
  it.each([
    [[], START],
    [['start'], START],
    [['simulator', '--port', '1'], 'src/cli/simulator.ts --port 1'],
    [['call', '--json'], 'src/cli/call.ts --json'],
    [['check'], 'src/cli/check.ts'],
    [['tools', 'run', 'x', '{"a": "b c"}'], 'src/cli/tools.ts run x {"a": "b c"}'],
  ])('%j runs it in the place of the shell, from the project’s folder', async (args, script) => {
    const { code, out, pid } = await enter(...args);
    expect(out).toBe(`node ${script} in ${root} as ${pid}\n`);
    expect(code).toBe(0);
  });

  it('runs any other program of the image', async () => {
    expect(await enter('echo', 'a  b')).toMatchObject({ code: 0, out: 'a  b\n' });
  });

  it('refuses what it does not know, and says what it knows', async () => {
    const { code, err } = await enter('no-such-command');
    expect(code).toBe(2);
    expect(err).toMatch(/^unknown command: no-such-command\. Known are: start .*\bcall check\b.*\bsimulator\b/);
  });
});

describe('the health check', () => {
  const health = (port: number) =>
    run(process.execPath, [join(root, 'deploy/health.ts')], { HOST: '127.0.0.1', PORT: String(port) });

  it.each([
    [200, 0],
    [503, 1],
    [404, 1],
  ])('an answer of %d is exit status %d', async (status, code) => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    expect((await health(port)).code).toBe(code);
    expect(asked).toEqual(['/health/live']);
    await new Promise((closed) => server.close(closed));
    expect((await health(port)).code).toBe(1);
  });
});

it('npm run sbom: the bill of materials of what runs in production, and only of that', async () => {
  const { code, out } = await run(process.execPath, [join(root, 'deploy/sbom.ts')], { HOME: folder });
  expect(code).toBe(0);
  const { bomFormat, components, metadata } = JSON.parse(out) as {
    bomFormat: string;
    metadata: { component: { name: string } };
    components: { name: string; version: string; purl: string }[];
  };
  expect(bomFormat).toBe('CycloneDX');
  expect(metadata.component.name).toBe('voicebridge');
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const there = new Set(components.map(({ name, version }) => `${name}@${version}`));
  const direct = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
  expect(direct.filter((key) => !there.has(key))).toEqual([]);
  const names = new Set(components.map(({ name }) => name));
  expect(Object.keys(devDependencies).filter((name) => names.has(name) && name !== '@types/node')).toEqual([]);
  expect(components.filter(({ version, purl }) => !purl.endsWith(`@${version}`))).toEqual([]);
});
