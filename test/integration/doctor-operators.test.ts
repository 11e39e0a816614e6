import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { operatorChecks } from '../../src/doctor/operators.ts';
import { type Broken, type DoctorRig, doctorRig, of, ran } from './doctor-rig.ts';

/** What the doctor says of who may see calls and operate them. */

let rig: DoctorRig;
beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

async function line(broken: Broken = {}) {
  const deps = rig.deps(broken);
  return of(await ran(deps, operatorChecks(deps)), 'operators');
}

const started = async (more?: Record<string, string>) => {
  const app = await rig.daemon(more);
  onTestFinished(() => app.close());
  return app;
};

describe('the operators’ token', () => {
  it('is said to be that of the settings, or where the made one is kept and will be, never its value', async () => {
    const ADMIN_TOKEN = 'one-token-of-the-operators,two-token-of-the-operators';
    expect(await line({ settings: { ADMIN_TOKEN } })).toMatchObject({
      status: 'pass',
      detail: 'operators need one of the 2 of ADMIN_TOKEN',
    });
    const file = join(rig.dataDir, 'admin-token');
    expect((await line()).detail).toBe(`operators need the token that the daemon will make in ${file}`);
    const url = `http://127.0.0.1:${rig.port}`;
    await started();
    const { status, detail } = await line();
    expect([status, detail]).toEqual([
      'pass',
      `operators need the token in ${file}; without it ${url} and ${url} refuse`,
    ]);
    expect(detail).not.toContain(readFileSync(file, 'utf8').trim());
    chmodSync(file, 0o644);
    expect(await line()).toMatchObject({ status: 'warn', detail: expect.stringContaining('others on this machine') });
  });

  it('that a proxy adds to everybody’s requests is found out', async () => {
    await started({ ADMIN_TOKEN: 'one-token-of-the-operators' });
    const generous: typeof fetch = (url, init) =>
      fetch(url, { ...init, headers: { authorization: 'Bearer one-token-of-the-operators' } });
    expect(await line({ deps: { fetch: generous } })).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('answered without a token'),
      advice: expect.stringContaining('a proxy adds the token'),
    });
  });

  it('is not all that is said where the settings open something to everybody', async () => {
    const settings = { ADMIN_TOKEN: 'one-token-of-the-operators', METRICS_ACCESS: 'public', BROWSER_ACCESS: 'public' };
    expect((await line({ settings })).detail).toBe(
      'operators need ADMIN_TOKEN; anybody may read /metrics; any page may call',
    );
  });
});
