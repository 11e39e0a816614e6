import { randomBytes } from 'node:crypto';
import type { CarrierChecks } from '../checks.ts';
import { telnyxAccount } from './account.ts';
import type { TelnyxSettings } from './settings.ts';
import { SIGNATURE, TIMESTAMP } from './signature.ts';

/** An event of no call. */
const EVENT = JSON.stringify({ data: { event_type: 'call.initiated', payload: {} } });

/** What the doctor asks of Telnyx. What is set here verifies its webhooks and signs none, so that none can be tried. */
export function telnyxChecks(settings: TelnyxSettings, wall: () => number): CarrierChecks {
  const { TELNYX_API_KEY: key } = settings;
  return {
    secrets: key === undefined ? [] : [key],
    trials: () => [],
    forged: () => ({
      setting: 'TELNYX_PUBLIC_KEY',
      headers: {
        'Content-Type': 'application/json',
        [TIMESTAMP]: String(Math.floor(wall() / 1_000)),
        [SIGNATURE]: randomBytes(64).toString('base64'),
      },
      body: EVENT,
    }),
    account: (via) => telnyxAccount(settings, via),
  };
}
