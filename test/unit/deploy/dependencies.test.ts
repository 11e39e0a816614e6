import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { judge } from '../../../deploy/audit.ts';
import { isAllowed, licencesPage, productionDependencies } from '../../../deploy/licences.ts';
import { type Bom, restrict } from '../../../deploy/sbom.ts';
import Totals from '../../reporter.ts';

const root = resolve(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('licences', () => {
  it('docs/licences.md is what the lock file says, and every licence in it is allowed', () => {
    const dependencies = productionDependencies(read('package-lock.json'));
    expect(dependencies.filter(({ licence }) => !isAllowed(licence))).toEqual([]);
    expect(read('docs/licences.md') === licencesPage(dependencies), 'run `npm run licences`').toBe(true);
  });

  it('lists what production can contain: optional packages too, nested ones by their name, none for development', () => {
    const lock = {
      packages: {
        '': { version: '1.0.0' },
        'node_modules/b': { version: '2.0.0', license: 'MIT', optional: true },
        'node_modules/@x/a': { version: '1.0.0', license: 'ISC' },
        'node_modules/b/node_modules/@x/a': { version: '1.0.0', license: 'ISC' },
        'node_modules/c': { version: '1.0.0', devOptional: true },
        'node_modules/d': { version: '1.0.0', license: 'MPL-2.0', dev: true },
      },
    };
    expect(productionDependencies(JSON.stringify(lock))).toEqual([
      { name: '@x/a', version: '1.0.0', licence: 'ISC' },
      { name: 'b', version: '2.0.0', licence: 'MIT' },
      { name: 'c', version: '1.0.0', licence: undefined },
    ]);
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['MIT AND GPL-3.0-only', false],
    ['GPL-3.0-only', false],
    ['Apache-2.0 WITH LLVM-exception', false],
    ['(MIT OR ISC) AND (GPL-2.0-only)', false],
    ['SEE LICENSE IN LICENSE.md', false],
    ['UNLICENSED', false],
    ['', false],
    [undefined, false],
  ])('%s is allowed: %s', (expression, allowed) => {
    expect(isAllowed(expression)).toBe(allowed);
  });
});

describe('every dependency is pinned', () => {
  it('to one version in package.json, and what reaches production by its digest in the lock file', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json'));
    const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { integrity?: string; dev?: boolean }>;
    };
    const loose = Object.entries(packages).filter(
      ([path, { integrity, dev }]) => path !== '' && dev !== true && !integrity?.startsWith('sha512-'),
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });
});

describe('the bill of materials', () => {
  const part = (name: string) => ({ 'bom-ref': `${name}@1`, name, version: '1' });
  const bom: Bom = {
    metadata: { component: part('us') },
    components: [part('a'), part('b'), part('tool')],
    dependencies: [
      { ref: 'us@1', dependsOn: ['a@1', 'tool@1'] },
      { ref: 'a@1', dependsOn: ['b@1'] },
      { ref: 'tool@1', dependsOn: ['b@1'] },
    ],
  };

  it('keeps what is wanted and who needs it, also where a development tool needs it too', () => {
    const wanted = [part('a'), part('b')];
    expect(restrict(bom, wanted)).toEqual({
      metadata: bom.metadata,
      components: [part('a'), part('b')],
      dependencies: [
        { ref: 'us@1', dependsOn: ['a@1'] },
        { ref: 'a@1', dependsOn: ['b@1'] },
      ],
    });
  });

  it('refuses to be incomplete', () => {
    expect(() => restrict(bom, [part('a'), { name: 'c', version: '2' }])).toThrow('misses c@2');
  });
});

describe('the verdict on an audit', () => {
  const report = (severity: string) =>
    JSON.stringify({
      vulnerabilities: { left: { severity, range: '<1.2.3' } },
      metadata: { vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, [severity]: 1 } },
    });

  it.each([
    ['critical', 1],
    ['high', 1],
    ['moderate', 0],
    ['low', 0],
  ])('%s gives %d, and names the package', (severity, status) => {
    const verdict = judge(report(severity));
    expect(verdict.status).toBe(status);
    expect(verdict.lines[0]).toBe(`${severity}: left <1.2.3`);
  });

  it('nothing found gives 0', () => {
    expect(judge('{"vulnerabilities":{},"metadata":{"vulnerabilities":{"high":0,"critical":0}}}')).toEqual({
      status: 0,
      lines: ['audit: 0 weak packages, 0 of them high or critical'],
    });
  });

  it.each(['', 'not JSON', '{}', '{"message":"405 Method Not Allowed","statusCode":405,"error":{"summary":""}}'])(
    'no answer is said, and is neither success nor failure: %j',
    (printed) => {
      expect(judge(printed)).toMatchObject({ status: 77, lines: [expect.stringContaining('WARNING: not audited')] });
    },
  );

  it('that could not be had is said again in the last lines of CI, before the totals', () => {
    const ci = read('.ci/run');
    const [, step = ''] = /^(# Fails on high .*?)^# The image/ms.exec(ci) ?? [];
    const run = (status: number) =>
      spawnSync(
        'bash',
        ['-c', `set -euo pipefail; npm() { return ${status}; }; ${step}\necho "said: \${NOT_AUDITED:-}"`],
        // As the step begins: what a run around this one found out is not this one's.
        { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
      );
    expect([run(0).status, run(0).stdout.trim()]).toEqual([0, 'said:']);
    expect(run(1).status).toBe(1);
    expect(run(77).status).toBe(0);
    expect(run(77).stdout).toMatch(/said: NOT AUDITED: /);

    const written: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    vi.stubEnv('NOT_AUDITED', 'NOT AUDITED: nobody answers');
    new Totals().onTestRunEnd([], []);
    vi.unstubAllEnvs();
    write.mockRestore();
    expect(written.join('').trimEnd().split('\n').slice(-2)).toEqual([
      'NOT AUDITED: nobody answers',
      '0 passed, 0 failed, 0 skipped',
    ]);
  });
});
