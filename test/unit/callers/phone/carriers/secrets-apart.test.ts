import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Carriers, openCarriers } from '../../../../../src/callers/phone/carriers/index.ts';
import type { CarrierRequest } from '../../../../../src/callers/phone/carriers/webhook.ts';
import { upgradeProof } from '../../../../../src/callers/phone/http/upgrade-proof.ts';
import { loadConfig } from '../../../../../src/config.ts';
import { proofOf } from '../../../../../src/simulator/telnyx/webhooks.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

/** That a carrier's secret proves what that carrier signed, and nothing that another did, or nobody. */

const PUBLIC = 'https://voice.example.com';
const STREAM = 'wss://voice.example.com/media-stream';
const key = generateKeyPairSync('ed25519');
const SECRET = 'secret-of-the-account-0123456789';
const SETTINGS: Readonly<Record<string, object>> = {
  twilio: { TWILIO_AUTH_TOKEN: [SECRET] },
  signalwire: { SIGNALWIRE_SIGNING_KEY: [`${SECRET}-2`] },
  telnyx: {
    TELNYX_PUBLIC_KEY: [key.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')],
  },
  plivo: { PLIVO_AUTH_TOKEN: [`${SECRET}-4`] },
  vonage: { VONAGE_SIGNATURE_SECRET: [`${SECRET}-5`] },
};

const wall = Date.UTC(2026, 10, 29, 12);
const clock = Object.assign(new FakeClock(), { wall: () => wall });
const NAMES = Object.keys(SETTINGS);
const opened = (...names: string[]) =>
  openCarriers({ ...loadConfig({}), ...Object.assign({}, ...names.map((name) => SETTINGS[name])) }, { clock });

/** What this carrier would post, signed by its own secret, and without a signature of anybody's. */
function posted(name: string, path: string): CarrierRequest[] {
  const url = PUBLIC + path;
  const request = (headers: Readonly<Record<string, string>>, rawBody: string): CarrierRequest => {
    const lower = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
    return {
      method: 'POST',
      url,
      query: '',
      headers: lower,
      contentType: (lower['content-type'] ?? '').split(';')[0]!,
      rawBody,
    };
  };
  if (name === 'telnyx') {
    // It takes each signature once.
    const body = JSON.stringify({ data: { event_type: path, payload: { call_control_id: 'v3:1' } } });
    return [request({ 'content-type': 'application/json', ...proofOf(key.privateKey, wall / 1_000, body) }, body)];
  }
  return opened(name)
    .of({ carrier: name })
    .checks.trials(url)
    .map(({ headers, body }) => request(headers, body));
}

describe('of carriers with a secret each', () => {
  const all = opened(...NAMES);
  it('what one signed is believed as that one’s and no other’s', () => {
    expect(all.all.map(({ name }) => name)).toEqual(NAMES);
    for (const name of NAMES)
      for (const path of ['/incoming-call', '/call-continue', '/call-status', '/stream-status']) {
        const requests = posted(name, path);
        expect(requests.length).toBeGreaterThan(0);
        for (const request of requests)
          expect(all.all.filter(({ webhook }) => webhook.proves(request)).map((one) => one.name)).toEqual([name]);
      }
  });

  it('one whose secret is not set is believed by none, nor is what nobody signed', () => {
    for (const name of NAMES) {
      const { all: others } = opened(...NAMES.filter((other) => other !== name));
      for (const request of posted(name, '/incoming-call'))
        expect(others.filter(({ webhook }) => webhook.proves(request)).map((one) => one.name)).toEqual([]);
      const unsigned = posted(name, '/incoming-call').map((one) => ({
        ...one,
        headers: { 'content-type': one.contentType },
      }));
      for (const request of unsigned) expect(all.all.some(({ webhook }) => webhook.proves(request))).toBe(false);
    }
  });

  it('the upgrade that one signed is signed where its secret is set alone', () => {
    const shown = (carriers: Carriers, headers: Readonly<Record<string, string>> = {}) => {
      const lower = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
      return upgradeProof(carriers, urls, { headers: lower } as unknown as IncomingMessage).signed;
    };
    const urls = { http: (_: unknown, path: string) => PUBLIC + path, ws: () => STREAM };
    let signing = 0;
    for (const name of NAMES) {
      const headers = opened(name).of({ carrier: name }).checks.upgradeHeaders?.(STREAM);
      if (headers === undefined) continue;
      signing++;
      expect([name, shown(all, headers)]).toEqual([name, true]);
      const others = opened(...NAMES.filter((other) => other !== name));
      expect(shown(others, headers)).not.toBe(true);
    }
    expect(signing).toBeGreaterThan(2);
    expect(shown(all)).toBeUndefined();
  });
});
