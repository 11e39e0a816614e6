import { createPrivateKey, randomBytes } from 'node:crypto';
import type { CarrierChecks, Trial } from '../checks.ts';
import { vonageAccount } from './account.ts';
import { VOICE_API } from './control.ts';
import { applicationJwt, signedJwt } from './jwt.ts';
import type { VonageSettings } from './settings.ts';

/** Without a uuid: it is judged like any webhook, and there is no call to be started. */
const BODY = JSON.stringify({ from: 'doctor', status: 'started' });

const NUMBERS_API = 'https://rest.nexmo.com';

/** What the doctor asks of Vonage. */
export function vonageChecks(settings: VonageSettings, wall: () => number): CarrierChecks {
  const { VONAGE_SIGNATURE_SECRET: secrets, VONAGE_APPLICATION_ID: applicationId } = settings;
  const { VONAGE_PRIVATE_KEY: privateKey, VONAGE_API_KEY: user, VONAGE_API_SECRET: password } = settings;
  const [secret] = secrets;
  const signed = (by: string): Trial => ({
    setting: 'VONAGE_SIGNATURE_SECRET',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${signedJwt(by, wall(), { applicationId, body: BODY })}`,
    },
    body: BODY,
  });
  return {
    secrets: [...secrets, ...[privateKey, password].filter((one) => one !== undefined)],
    signingSecret: secret,
    trials: () => secrets.map(signed),
    forged: () => signed(randomBytes(16).toString('hex')),
    // As a socket is opened that was asked to be signed: it does not count against those that prove nothing.
    upgradeHeaders: () =>
      secret === undefined ? undefined : { Authorization: `Bearer ${signedJwt(secret, wall(), { applicationId })}` },
    account(via) {
      if (applicationId === undefined || privateKey === undefined) return undefined;
      const key = createPrivateKey(privateKey);
      const ours = settings.VONAGE_ACCOUNT_URL;
      return vonageAccount(
        {
          applicationId,
          voiceUrl: settings.VONAGE_API_URL ?? VOICE_API,
          token: () => applicationJwt(applicationId, key, wall()),
          key: user === undefined || password === undefined ? undefined : { user, password },
          numbersUrl: ours ?? NUMBERS_API,
          applicationsUrl: ours ?? VOICE_API,
        },
        via,
      );
    },
  };
}
