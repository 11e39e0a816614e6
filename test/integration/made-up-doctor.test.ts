import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCarriers } from '../../src/callers/phone/carriers/index.ts';
import { loadConfig } from '../../src/config.ts';
import { examine, systemDeps } from '../../src/doctor/doctor.ts';
import { buoyAgent } from '../fixtures/kinds/agent/kind.ts';
import { Tide } from '../fixtures/kinds/carrier/far-end.ts';
import { TABLES } from '../fixtures/kinds/tables.ts';
import { freeTcpPort } from './doctor-rig.ts';

/** The doctor asks made-up kinds as it asks the daemon's own: it knows them by the tables alone. */

const SECRET = 'secret-of-the-tide';
let tide: Tide;
let api: string;
let dataDir: string;
beforeEach(async () => {
  tide = new Tide({ bridge: '' });
  api = await tide.listen();
  dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-doctor-'));
});
afterEach(async () => {
  await tide.close();
  rmSync(dataDir, { recursive: true });
});

async function examined(settings: Record<string, string> = {}) {
  const port = await freeTcpPort();
  const config = loadConfig(
    {
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      TIDE_SECRET: SECRET,
      TIDE_ACCOUNT: tide.options.account,
      TIDE_API_KEY: tide.options.key,
      TIDE_API_URL: api,
      ...settings,
    },
    TABLES,
  );
  const carriers = openCarriers(config, { kinds: TABLES.carriers });
  const results = await examine({ ...systemDeps(config), carriers, agents: [buoyAgent] }, { fix: false });
  return (name: string) => results.find((result) => result.name === name);
}

describe('the doctor', () => {
  it('finds the made-up carrier’s account, its signature taken, and the made-up agent', async () => {
    const result = await examined();
    expect(result('tide account')).toMatchObject({ status: 'pass' });
    expect(result('webhook signature')).toMatchObject({ status: 'pass' });
    expect(result('buoy')).toMatchObject({ status: 'pass' });
  });

  it('reads the files of agents as the made-up kind understands them', async () => {
    const kinds = join(import.meta.dirname, '../fixtures/kinds');
    // No suites: the daemon's own are for prompts that are not here.
    const none = { SUITES_DIR: dataDir };
    const good = { PROMPTS_DIR: join(kinds, 'prompts'), ROUTES_FILE: join(kinds, 'routes.yaml') };
    const wrong = { PROMPTS_DIR: join(kinds, 'wrong'), ROUTES_FILE: join(kinds, 'wrong/routes.yaml') };
    expect((await examined({ ...none, ...good }))('agent files')?.status).toMatch(/pass|warn/);
    expect((await examined({ ...none, ...wrong }))('agent files')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('goes with a berth'),
    });
  });

  it('says which settings are wrong where the account is not theirs, and shows no secret', async () => {
    const result = await examined({ TIDE_API_KEY: 'another-key-of-the-tide' });
    expect(result('tide account')).toMatchObject({ status: 'fail' });
    expect(JSON.stringify(result('tide account'))).toContain('TIDE_ACCOUNT and TIDE_API_KEY');
    expect(JSON.stringify(result('tide account'))).not.toContain('another-key');
  });
});
