import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carrierChecks } from '../../src/doctor/carrier.ts';
import type { Result } from '../../src/doctor/check.ts';
import { type CarrierServer, type OwnedNumber, startCarrier } from '../../src/simulator/carrier/index.ts';
import { type Broken, type DoctorRig, doctorRig, NUMBER, of, ran, TOKEN, wrong } from './doctor-rig.ts';

/** The doctor at Plivo, where a number leads to an application, and that to us. */

let rig: DoctorRig;
let carrier: CarrierServer;
let number: OwnedNumber;
beforeAll(async () => {
  rig = await doctorRig();
  carrier = await startCarrier({ carrier: 'plivo', token: TOKEN });
  // Its digits are a part of this one's.
  carrier.numbers.add({ phoneNumber: `${NUMBER}22` });
  number = carrier.numbers.add({ phoneNumber: NUMBER });
});
afterAll(async () => {
  await carrier.close();
  await rig.close();
});

const settingsOf = (more: Record<string, string> = {}): Record<string, string> => ({
  TWILIO_ACCOUNT_SID: '',
  TWILIO_API_URL: '',
  TWILIO_AUTH_TOKEN: '',
  PLIVO_AUTH_ID: carrier.accountSid,
  PLIVO_AUTH_TOKEN: TOKEN,
  PLIVO_API_URL: carrier.url,
  ...more,
});

let posts: Array<{ path: string; form: Readonly<Record<string, unknown>> }> = [];
async function looked(set: Partial<OwnedNumber>, { settings, ...options }: Broken = {}): Promise<Result[]> {
  Object.assign(number, { voiceUrl: '', voiceApplicationSid: '', ...set });
  const from = carrier.requests.length;
  const deps = rig.deps({ settings: settingsOf(settings), ...options });
  const results = await ran(deps, carrierChecks(deps, { fix: false, ...options }));
  posts = carrier.requests.slice(from).filter(({ method }) => method === 'POST');
  return results;
}

describe('the doctor at Plivo', () => {
  it('[plivo] doctor: `--fix` gives a number without an application one that asks us, and the next number the same', async () => {
    const told = of(await looked({}), 'number');
    expect(told).toMatchObject({ status: 'fail', detail: 'calls to the number go to no webhook at all' });
    expect(posts).toEqual([]);
    const mended = of(await looked({}, { fix: true }), 'number');
    expect(mended.status).toBe('warn');
    expect(posts.map(({ path }) => path.replace(/.*\/(Application|Number)\//, '$1/'))).toEqual([
      'Application/',
      `Number/${NUMBER.slice(1)}/`,
    ]);
    expect(posts[0]?.form).toMatchObject({ answer_url: rig.webhook, answer_method: 'POST', hangup_url: rig.webhook });
    expect(number.voiceUrl).toBe(rig.webhook);
    const kept = JSON.parse(readFileSync(join(rig.dataDir, 'doctor-fixes.jsonl'), 'utf8').trim().split('\n').at(-1)!);
    expect(kept).toMatchObject({ carrier: 'plivo', number: NUMBER.slice(1), answer_url: '' });
    // The one that was made is found again.
    await looked({}, { fix: true });
    expect(posts.map(({ path }) => path.includes('/Application/'))).toEqual([false]);
    expect(of(await looked({ ...number }), 'number').status).toBe('pass');
  });

  it('[plivo] doctor: all is well, or the credentials are refused, or the number is not the account’s', async () => {
    const well = await looked({ voiceUrl: rig.webhook, voiceApplicationSid: '100' });
    expect(well.map(({ status, name }) => `${status} ${name}`)).toEqual(['pass plivo account', 'pass number']);
    expect(of(await looked({}, { settings: { PLIVO_AUTH_TOKEN: 'another' } }), 'plivo account')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('HTTP 401: the credentials are refused'),
      advice: expect.stringContaining('PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN'),
    });
    for (const missing of ['+15550009999', `${NUMBER}222`, NUMBER.slice(0, -1)])
      expect(of(await looked({}, { number: missing, fix: true }), 'number')).toMatchObject({
        status: 'fail',
        detail: 'the number is not in the account (plivo)',
      });
    carrier.numbers.add({ phoneNumber: '+15550007777', takesCalls: false });
    expect(of(await looked({}, { number: '+15550007777', fix: true }), 'number').detail).toBe(
      'the number takes no calls',
    );
    expect(posts).toEqual([]);
  });

  it('[plivo] doctor: another’s application has the calls: `--fix` leaves it there, `--take-over` gives the number another', async () => {
    const before = { voiceUrl: 'https://old.example.com/voice?token=abc', voiceApplicationSid: '200' };
    for (const fix of [false, true]) {
      const told = of(await looked(before, { fix }), 'number');
      expect(told).toMatchObject({
        status: 'fail',
        detail: `calls to the number go to the application of-the-number${fix ? '; nothing was changed' : ''}`,
        advice: expect.stringContaining(
          '--fix --take-over, which changes answer_url from https://old.example.com/voice?… to',
        ),
      });
      expect(posts).toEqual([]);
    }
    expect(of(await looked(before, { fix: true, takeOver: true }), 'number').status).toBe('warn');
    expect(number).toMatchObject({ voiceUrl: rig.webhook });
    expect(number.voiceApplicationSid).not.toBe('200');
  });

  it('[plivo] doctor: a fix that is refused, or is not done, is a failure', async () => {
    // Of the number and its application, then of the list of applications.
    const account = { kind: 'status', status: 200, body: {} } as const;
    const shown = { kind: 'status', status: 200, body: { number: NUMBER.slice(1), voice_enabled: true } } as const;
    const none = { kind: 'status', status: 200, body: { objects: [] } } as const;
    carrier.faults.add(account, shown, none, { kind: 'status', status: 403, body: { error: 'no' } });
    expect(of(await looked({}, { fix: true }), 'number')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('setting it was answered with HTTP 403'),
    });
    const made = { kind: 'status', status: 201, body: { app_id: '300' } } as const;
    carrier.faults.add(account, shown, none, made, { kind: 'status', status: 202, body: {} }, shown);
    expect(of(await looked({}, { fix: true }), 'number')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('but shows other settings afterwards'),
    });
    carrier.faults.add(account, { kind: 'malformed' });
    expect(of(await looked({}), 'number').detail).toMatch(/plivo answers HTTP \d+ without a list of numbers/);
    expect(carrier.faults.left).toBe(0);
  });

  it('[plivo] doctor: webhooks and the upgrade are tried as Plivo would send them, and a forged one is refused', async () => {
    const app = await rig.daemon(settingsOf());
    try {
      number.voiceUrl = rig.webhook;
      number.voiceApplicationSid = '100';
      const results = await rig.examined({ settings: settingsOf() });
      expect(wrong(results).filter((line) => !/^warn/.test(line))).toEqual([]);
      expect(JSON.stringify(results)).not.toContain(TOKEN);
    } finally {
      await app.close();
    }
    const other = await rig.daemon(settingsOf({ PLIVO_AUTH_TOKEN: 'of-another-account' }));
    try {
      const results = await rig.examined({ settings: settingsOf() });
      expect(wrong(results).filter((line) => /^fail/.test(line)).length).toBeGreaterThan(0);
    } finally {
      await other.close();
    }
  });
});
