import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { carrierChecks } from '../../src/doctor/carrier.ts';
import { type CarrierServer, type OwnedNumber, startCarrier } from '../../src/simulator/carrier/index.ts';
import { PRIVATE_PEM, PUBLIC_PEM, SIGNATURE_SECRET } from '../fixtures/vonage/key.ts';
import { type Broken, type DoctorRig, doctorRig, NUMBER, of, ran } from './doctor-rig.ts';

/** The doctor at Vonage: its application's token, where the number's calls go, and what `--fix` sets. */

const API_KEY = 'abcd1234';
const API_SECRET = 'api-secret-of-the-account';

let rig: DoctorRig;
let carrier: CarrierServer;
let number: OwnedNumber;
beforeEach(async () => {
  rig = await doctorRig();
  carrier = await startCarrier({ carrier: 'vonage', token: API_SECRET, apiUser: API_KEY, publicKey: PUBLIC_PEM });
  number = carrier.numbers.add({ phoneNumber: NUMBER });
});
afterEach(async () => {
  await carrier.close();
  await rig.close();
});

const settings = (more: Record<string, string> = {}): Record<string, string> => ({
  TWILIO_ACCOUNT_SID: '',
  TWILIO_API_URL: '',
  TWILIO_AUTH_TOKEN: '',
  VONAGE_SIGNATURE_SECRET: SIGNATURE_SECRET,
  VONAGE_APPLICATION_ID: carrier.accountSid,
  VONAGE_PRIVATE_KEY: PRIVATE_PEM,
  VONAGE_API_KEY: API_KEY,
  VONAGE_API_SECRET: API_SECRET,
  VONAGE_API_URL: carrier.url,
  VONAGE_ACCOUNT_URL: carrier.url,
  ...more,
});

async function looked({ settings: more, ...options }: Broken = {}) {
  const deps = rig.deps({ settings: settings(more), ...options });
  return ran(deps, carrierChecks(deps, { fix: false, ...options }));
}

const right = () => {
  number.voiceApplicationSid = carrier.accountSid;
  Object.assign(carrier.application, {
    answerUrl: rig.webhook,
    answerMethod: 'POST',
    eventUrl: rig.webhook.replace('incoming-call', 'call-status'),
  });
};

describe('at Vonage', () => {
  it('[vonage] doctor: finds that all is well', async () => {
    right();
    const results = await looked();
    expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual(['pass vonage account', 'pass number']);
  });

  it('[vonage] doctor: sets the application’s addresses and links the number, and keeps all else of both', async () => {
    carrier.application.answerUrl = 'https://other.example.com/answer?token=secret';
    expect(of(await looked(), 'number')).toMatchObject({
      status: 'fail',
      detail: 'calls to the number go to no webhook at all',
    });
    const mended = of(await looked({ fix: true }), 'number');
    expect(mended.status).toBe('warn');
    expect(`${mended.detail}`).toContain('answer_url from https://other.example.com/answer?…');
    expect(`${mended.detail}`).not.toContain('token=secret');
    expect(number.voiceApplicationSid).toBe(carrier.accountSid);
    expect(carrier.application).toEqual({
      answerUrl: rig.webhook,
      answerMethod: 'POST',
      eventUrl: rig.webhook.replace('incoming-call', 'call-status'),
      eventMethod: 'POST',
      signedCallbacks: true,
    });
    expect(of(await looked(), 'number').status).toBe('pass');
  });

  it('[vonage] doctor: switches signed webhooks on', async () => {
    right();
    carrier.application.signedCallbacks = false;
    expect(of(await looked({ fix: true }), 'number').detail).toContain('signed_callbacks from false to true');
    expect(carrier.application.signedCallbacks).toBe(true);
  });

  it('[vonage] doctor: leaves a number alone that is another application’s, unless it is told to take it', async () => {
    right();
    number.voiceApplicationSid = 'bbbbbbbb-bbbb-cccc-dddd-0123456789ab';
    expect(of(await looked({ fix: true }), 'number')).toMatchObject({ status: 'fail' });
    expect(number.voiceApplicationSid).toBe('bbbbbbbb-bbbb-cccc-dddd-0123456789ab');
    expect(of(await looked({ fix: true, takeOver: true }), 'number').status).toBe('warn');
    expect(number.voiceApplicationSid).toBe(carrier.accountSid);
  });

  it('[vonage] doctor: says which credentials are refused, and what is needed to look at numbers', async () => {
    right();
    const other = { VONAGE_APPLICATION_ID: 'cccccccc-bbbb-cccc-dddd-0123456789ab' };
    const [account] = await looked({ settings: other });
    expect(account).toMatchObject({ status: 'fail', detail: expect.stringContaining('the credentials are refused') });
    expect(JSON.stringify(account)).toContain('VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY');
    const without = { VONAGE_API_KEY: '', VONAGE_API_SECRET: '' };
    expect(of(await looked({ settings: without }), 'number')).toMatchObject({
      status: 'skip',
      detail: 'needs VONAGE_API_KEY and VONAGE_API_SECRET',
    });
    const wrong = of(await looked({ settings: { VONAGE_API_SECRET: 'wrong-secret' } }), 'number');
    expect(wrong).toMatchObject({ status: 'fail', detail: 'vonage answers HTTP 401 without a list of numbers' });
    number.voiceApplicationSid = '';
    const elsewhere = of(await looked({ number: '+15550009999' }), 'number');
    expect(elsewhere.detail).toContain('the number is not in the account (vonage)');
  });
});
