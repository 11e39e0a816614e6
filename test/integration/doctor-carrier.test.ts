import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { carrierChecks } from '../../src/doctor/carrier.ts';
import type { Result } from '../../src/doctor/check.ts';
import { type CarrierServer, type OwnedNumber, startCarrier } from '../../src/simulator/carrier/index.ts';
import { type Broken, type DoctorRig, doctorRig, freeTcpPort, NUMBER, of, ran, TOKEN } from './doctor-rig.ts';

/** The doctor's checks of a carrier's account and number, at both carriers: what is well, what is not, and what `--fix` changes. */

let rig: DoctorRig;
beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

describe.each(['twilio', 'signalwire'] as const)('at %s', (name) => {
  let carrier: CarrierServer;
  let number: OwnedNumber;

  beforeAll(async () => {
    carrier = await startCarrier({ carrier: name, token: TOKEN });
    // Its digits are a part of this one's, which comes first and is somebody else's business.
    carrier.numbers.add({ phoneNumber: `${NUMBER}22`, voiceUrl: 'https://other.example.com/voice' });
    number = carrier.numbers.add({ phoneNumber: NUMBER });
  });
  afterAll(() => carrier.close());

  const settingsOf = (more: Record<string, string> = {}): Record<string, string> =>
    name === 'twilio'
      ? { TWILIO_ACCOUNT_SID: carrier.accountSid, TWILIO_API_URL: carrier.url, ...more }
      : {
          TWILIO_ACCOUNT_SID: '',
          TWILIO_API_URL: '',
          SIGNALWIRE_PROJECT_ID: carrier.accountSid,
          SIGNALWIRE_TOKEN: TOKEN,
          SIGNALWIRE_API_URL: carrier.url,
          ...more,
        };

  /** The lines for an account and a number that were set so; what was posted lies in `posts`. */
  let posts: Array<{ path: string; form: Readonly<Record<string, unknown>> }> = [];
  async function looked(set: Partial<OwnedNumber>, { settings, ...options }: Broken = {}): Promise<Result[]> {
    Object.assign(number, { voiceUrl: '', voiceMethod: 'POST', voiceApplicationSid: '', trunkSid: '', ...set });
    const from = carrier.requests.length;
    const deps = rig.deps({ settings: settingsOf(settings), ...options });
    const results = await ran(deps, carrierChecks(deps, { fix: false, ...options }));
    posts = carrier.requests.slice(from).filter(({ method }) => method === 'POST');
    return results;
  }
  afterEach(() => expect(carrier.faults.left).toBe(0));

  it('[twilio, signalwire] doctor: all is well: the credentials are taken, and the number leads here', async () => {
    const results = await looked({ voiceUrl: rig.webhook });
    expect(results.map(({ status, name: line }) => `${status} ${line}`)).toEqual([
      `pass ${name} account`,
      'pass number',
    ]);
    expect(of(results, 'number').detail).toBe(`calls to the number go to ${rig.webhook}`);
    // The daemon answers GET as well.
    expect(of(await looked({ voiceUrl: rig.webhook, voiceMethod: 'GET' }), 'number').status).toBe('pass');
  });

  it('[twilio, signalwire] doctor: the credentials are refused, and the number is not asked for', async () => {
    const wrongOnes = name === 'twilio' ? { TWILIO_AUTH_TOKEN: 'another' } : { SIGNALWIRE_TOKEN: 'another' };
    const results = await looked({}, { settings: wrongOnes });
    expect(of(results, `${name} account`)).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('HTTP 401: the credentials are refused'),
      advice: expect.stringContaining(
        name === 'twilio' ? 'TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN' : 'SIGNALWIRE_TOKEN',
      ),
    });
    expect(of(results, 'number')).toMatchObject({ status: 'skip', detail: 'needs the account of the carrier' });
  });

  it.each([
    [404, 'there is no such account', 'Check '],
    [503, 'answers HTTP 503', 'status page'],
    [429, 'answers HTTP 429', 'status page'],
  ])('the API answers %d', async (status, detail, advice) => {
    carrier.faults.add({ kind: 'status', status });
    expect(of(await looked({}), `${name} account`)).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining(detail),
      advice: expect.stringContaining(advice),
    });
  });

  it('the API answers with a page of any length', async () => {
    carrier.faults.add({ kind: 'status', status: 403, body: { page: 'x'.repeat(2 * 1024 * 1024) } });
    expect(of(await looked({}), `${name} account`).detail).toContain('HTTP 403: the credentials are refused');
  });

  it('the API cannot be reached, redirects, or says something that is no list', async () => {
    const nowhere = name === 'twilio' ? 'TWILIO_API_URL' : 'SIGNALWIRE_API_URL';
    const dead = await looked({}, { settings: { [nowhere]: `http://127.0.0.1:${await freeTcpPort()}` } });
    expect(of(dead, `${name} account`)).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(of(dead, `${name} account`).advice).toContain('DNS');
    carrier.faults.add({ kind: 'redirect', location: 'https://elsewhere.example.com/' });
    expect(of(await looked({}), `${name} account`).detail).toContain('HTTP 307');
    carrier.faults.add({ kind: 'status', status: 200, body: {} }, { kind: 'malformed' });
    expect(of(await looked({}), 'number')).toMatchObject({
      status: 'fail',
      detail: `${name} answers HTTP 200 without a list of numbers`,
    });
  });

  it('the number is not in the account; nor is one that it is only a part of', async () => {
    for (const missing of ['+15550009999', '+1555000111122'.slice(0, -1)]) {
      expect(of(await looked({}, { number: missing, fix: true }), 'number')).toMatchObject({
        status: 'fail',
        detail: `the number is not in the account (${name})`,
        advice: expect.stringContaining('in which account or project'),
      });
      expect(posts).toEqual([]);
    }
  });

  it('the number is not named, PUBLIC_URL is not set, or the number takes no calls', async () => {
    expect(of(await looked({}, { settings: { OUTBOUND_FROM: '' } }), 'number').detail).toContain('--number');
    expect(of(await looked({}, { settings: { PUBLIC_URL: '' } }), 'number').detail).toBe('needs PUBLIC_URL');
    carrier.numbers.add({ phoneNumber: '+15550007777', takesCalls: false });
    expect(of(await looked({}, { number: '+15550007777', fix: true }), 'number')).toMatchObject({
      status: 'fail',
      detail: 'the number takes no calls',
    });
    expect(posts).toEqual([]);
  });

  it('[twilio, signalwire] doctor: another webhook: says so without its query, changes nothing without `--fix`, and with it only what it says', async () => {
    const other = { voiceUrl: 'https://old.example.com/voice?token=abc', voiceMethod: 'GET' } as const;
    const told = of(await looked(other), 'number');
    expect(told).toMatchObject({
      status: 'fail',
      detail: 'calls to the number go to https://old.example.com/voice?…',
      advice: expect.stringContaining('--fix'),
    });
    expect(posts).toEqual([]);
    expect(number).toMatchObject(other);

    const mended = of(await looked(other, { fix: true }), 'number');
    const changes = `VoiceUrl from https://old.example.com/voice?… to ${rig.webhook}, VoiceMethod from GET to POST`;
    expect(told.advice).toContain(changes);
    expect(mended.status).toBe('warn');
    expect(mended.detail).toContain(`changed: ${changes}`);
    expect(posts.map(({ form }) => form)).toEqual([{ VoiceUrl: rig.webhook, VoiceMethod: 'POST' }]);
    expect(posts[0]?.path).toContain(`/IncomingPhoneNumbers/${number.sid}`);
    expect(number).toMatchObject({ voiceUrl: rig.webhook, voiceMethod: 'POST' });
    expect(of(await looked({ ...number }), 'number').status).toBe('pass');

    // What was there before can be set again, and nobody else can read it.
    const kept = join(rig.dataDir, 'doctor-fixes.jsonl');
    const last = JSON.parse(readFileSync(kept, 'utf8').trim().split('\n').at(-1)!);
    expect(last).toMatchObject({ carrier: name, sid: number.sid, voice_url: other.voiceUrl, voice_method: 'GET' });
    expect(statSync(kept).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['the SIP trunk TK1', { trunkSid: 'TK1' }, 'TrunkSid'],
    ['the application AP1', { voiceApplicationSid: 'AP1' }, 'VoiceApplicationSid'],
  ])(
    '[twilio, signalwire] doctor: %s has its calls: `--fix` leaves it there, `--take-over` does not',
    async (owner, set, field) => {
      const before = { voiceUrl: rig.webhook, ...set };
      for (const fix of [false, true]) {
        const told = of(await looked(before, { fix }), 'number');
        expect(told).toMatchObject({
          status: 'fail',
          detail: `calls to the number go to ${owner}, not to its webhook${fix ? '; nothing was changed' : ''}`,
          advice: expect.stringContaining(
            `--fix --take-over, which changes ${field} from ${owner.slice(-3)} to nothing`,
          ),
        });
        expect(posts).toEqual([]);
        expect(number).toMatchObject(before);
      }
      const taken = of(await looked(before, { fix: true, takeOver: true }), 'number');
      expect(taken.status).toBe('warn');
      expect(posts.map(({ form }) => form)).toEqual([{ [field]: '' }]);
      expect(of(await looked({ ...number }), 'number').status).toBe('pass');
    },
  );

  it('[twilio, signalwire] doctor: no webhook at all: at Twilio `--fix` sets one, at SignalWire a script might have its calls', async () => {
    const told = of(await looked({}), 'number');
    if (name === 'twilio') expect(told.detail).toBe('calls to the number go to no webhook at all');
    else expect(told.detail).toContain('whether a script in SignalWire’s dashboard has its calls cannot be seen');
    const mended = of(await looked({}, { fix: true }), 'number');
    expect(mended.status).toBe(name === 'twilio' ? 'warn' : 'fail');
    expect(posts.length).toBe(name === 'twilio' ? 1 : 0);
    expect(of(await looked({}, { fix: true, takeOver: true }), 'number').status).toBe('warn');
    expect(number.voiceUrl).toBe(rig.webhook);
  });

  it('[twilio, signalwire] doctor: `--fix` that the carrier refuses, or takes and does not do, is a failure', async () => {
    const ok = { kind: 'status', status: 200, body: {} } as const;
    const asNow = () => ({
      kind: 'status' as const,
      status: 200,
      body: { incoming_phone_numbers: [carrier.numbers.resource(number)] },
    });
    const old = { voiceUrl: 'https://old.example.com/' };
    Object.assign(number, old);
    carrier.faults.add(ok, asNow(), { kind: 'status', status: 403 });
    expect(of(await looked(old, { fix: true }), 'number')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('setting it was answered with HTTP 403'),
    });
    carrier.faults.add(ok, asNow(), { kind: 'status', status: 200, body: carrier.numbers.resource(number) });
    expect(of(await looked(old, { fix: true }), 'number')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('but shows other settings afterwards'),
    });
  });

  it('--fix changes nothing when what was set before cannot be kept', async () => {
    const file = join(rig.dataDir, 'no-folder');
    writeFileSync(file, '');
    const results = await looked({ voiceUrl: 'https://old.example.com/' }, { fix: true, settings: { DATA_DIR: file } });
    expect(of(results, 'number')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('nothing was changed'),
    });
    expect(posts).toEqual([]);
  });
});

it('with two carriers the number is found at the one that has it, and both accounts are checked', async () => {
  const carrier = await startCarrier({ carrier: 'signalwire', token: TOKEN });
  carrier.numbers.add({ phoneNumber: '+15550003333', voiceUrl: rig.webhook });
  const deps = rig.deps({
    settings: {
      SIGNALWIRE_PROJECT_ID: carrier.accountSid,
      SIGNALWIRE_TOKEN: TOKEN,
      SIGNALWIRE_API_URL: carrier.url,
    },
  });
  const results = await ran(deps, carrierChecks(deps, { fix: false, number: '+15550003333' }));
  await carrier.close();
  expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual([
    'pass twilio account',
    'pass signalwire account',
    'pass number',
  ]);
});

it('without credentials of a carrier, account and number are skipped', async () => {
  const deps = rig.deps({ settings: { TWILIO_ACCOUNT_SID: '' } });
  const results = await ran(deps, carrierChecks(deps, { fix: true }));
  expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual(['skip carrier account', 'skip number']);
});
