import { randomBytes } from 'node:crypto';
import type { CarrierChecks, Trial } from '../checks.ts';
import { lamlSignature } from './signature.ts';

/** Without a CallSid: it is judged like any webhook, and there is no call to be started. */
const FORM = { AccountSid: 'doctor', CallStatus: 'ringing' };

/** The family's webhooks of no call, signed over URL and parameters in this header. */
export function lamlTrials(options: {
  /** The setting that holds the secrets. */
  readonly setting: string;
  readonly header: string;
  readonly secrets: readonly string[];
}): Pick<CarrierChecks, 'trials' | 'forged'> {
  const { setting, header, secrets } = options;
  const signed = (secret: string, url: string): Trial => ({
    setting,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      [header]: lamlSignature(secret, url, FORM),
    },
    body: new URLSearchParams(FORM).toString(),
  });
  return {
    trials: (url) => secrets.map((secret) => signed(secret, url)),
    forged: (url) => signed(randomBytes(16).toString('hex'), url),
  };
}
