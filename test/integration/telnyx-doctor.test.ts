import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { examine, systemDeps } from '../../src/doctor/doctor.ts';
import { Telnyx } from '../../src/simulator/telnyx/index.ts';
import { freeTcpPort } from './doctor-rig.ts';

/** What the doctor asks of Telnyx: the key, to which application a number is given, and where that posts. */

const NUMBER = '+12025550100';
let telnyx: Telnyx;
let dataDir: string;
beforeEach(async () => {
  telnyx = await Telnyx.start();
  dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-doctor-'));
});
afterEach(async () => {
  await telnyx.close();
  rmSync(dataDir, { recursive: true });
});

async function examined(fixes: { fix?: boolean; takeOver?: boolean } = {}, settings: Record<string, string> = {}) {
  const port = await freeTcpPort();
  const config = loadConfig({
    DATA_DIR: dataDir,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: 'http://127.0.0.1:9',
    TELNYX_PUBLIC_KEY: telnyx.publicKey ?? '',
    TELNYX_API_KEY: telnyx.apiKey,
    TELNYX_API_URL: telnyx.url,
    ...settings,
  });
  const results = await examine(systemDeps(config), { fix: false, number: NUMBER, ...fixes });
  return (name: string) => results.find((result) => result.name === name);
}

const WANTED = 'http://127.0.0.1:9/incoming-call';

describe('the doctor at Telnyx', () => {
  it('[telnyx] doctor: finds the account by its key, and sets the application’s webhook and its version, keeping what was', async () => {
    const application = telnyx.account.addApplication('https://old.example.com/hook', '1');
    telnyx.account.addNumber(NUMBER, application.id);
    const found = await examined();
    expect(found('telnyx account')).toMatchObject({ status: 'pass' });
    expect(found('number')).toMatchObject({ status: 'fail' });
    const fixed = await examined({ fix: true });
    expect(fixed('number')).toMatchObject({ status: 'warn' });
    expect(application).toMatchObject({ webhook_event_url: WANTED, webhook_api_version: '2' });
    expect(readFileSync(join(dataDir, 'doctor-fixes.jsonl'), 'utf8')).toContain('https://old.example.com/hook');
    expect((await examined())('number')).toMatchObject({ status: 'pass' });
  });

  it('[telnyx] doctor: leaves a number alone that something else has, unless it is to be taken over', async () => {
    const ours = telnyx.account.addApplication(WANTED);
    const number = telnyx.account.addNumber(NUMBER, '99');
    const settings = { TELNYX_CONNECTION_ID: ours.id };
    const found = await examined({ fix: true }, settings);
    expect(found('number')).toMatchObject({ status: 'fail' });
    expect(JSON.stringify(found('number'))).toContain('the connection 99');
    expect(number.connection_id).toBe('99');
    expect((await examined({ fix: true, takeOver: true }, settings))('number')).toMatchObject({ status: 'warn' });
    expect(number.connection_id).toBe(ours.id);
  });

  it('[telnyx] doctor: says that a key is wrong, and shows none', async () => {
    const result = await examined({}, { TELNYX_API_KEY: 'KEY-another-canary' });
    expect(result('telnyx account')).toMatchObject({ status: 'fail' });
    expect(JSON.stringify(result('telnyx account'))).not.toContain('canary');
  });
});
