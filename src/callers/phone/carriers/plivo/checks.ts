import { randomBytes } from 'node:crypto';
import type { CarrierChecks, Trial } from '../checks.ts';
import { plivoAccount } from './account.ts';
import { API_URL } from './control.ts';
import type { PlivoSettings } from './settings.ts';
import { plivoProof } from './signature.ts';

/** Without a CallUUID: it is judged like any webhook, and there is no call to be started. */
const FORM = { CallStatus: 'ringing', Direction: 'inbound', Event: 'StartApp' };

const nonce = () => BigInt(`0x${randomBytes(8).toString('hex')}`).toString();

/** What the doctor asks of Plivo. */
export function plivoChecks(settings: PlivoSettings): CarrierChecks {
  const { PLIVO_AUTH_TOKEN: secrets, PLIVO_AUTH_ID: authId } = settings;
  const [token] = secrets;
  const signed = (secret: string, url: string): Trial => ({
    setting: 'PLIVO_AUTH_TOKEN',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...plivoProof(secret, { method: 'POST', url, params: FORM }, nonce()),
    },
    body: new URLSearchParams(FORM).toString(),
  });
  return {
    secrets,
    signingSecret: token,
    trials: (url) => secrets.map((secret) => signed(secret, url)),
    forged: (url) => signed(randomBytes(16).toString('hex'), url),
    // Such a socket does not count against those that prove nothing.
    upgradeHeaders: (url) =>
      token === undefined
        ? undefined
        : plivoProof(token, { method: 'GET', url: url.replace(/^ws/, 'http'), params: {} }, nonce()),
    account(via) {
      if (authId === undefined || token === undefined) return undefined;
      const base = (settings.PLIVO_API_URL ?? API_URL).replace(/\/+$/, '');
      return plivoAccount({ url: `${base}/v1/Account/${authId}/`, authId, authToken: token }, via);
    },
  };
}
