import type { CarrierChecks } from '../checks.ts';
import { lamlAccount } from '../laml/account.ts';
import { lamlSignature } from '../laml/signature.ts';
import { lamlTrials } from '../laml/trials.ts';
import { twilioCredentials } from './control.ts';
import type { TwilioSettings } from './settings.ts';

/** What the doctor asks of Twilio. */
export function twilioChecks(settings: TwilioSettings): CarrierChecks {
  const { TWILIO_AUTH_TOKEN: tokens, TWILIO_API_KEY_SECRET: keySecret } = settings;
  const [token] = tokens;
  return {
    secrets: [...tokens, ...(keySecret === undefined ? [] : [keySecret])],
    signingSecret: token,
    ...lamlTrials({ setting: 'TWILIO_AUTH_TOKEN', header: 'X-Twilio-Signature', secrets: tokens }),
    // Such a socket does not count against those that prove nothing.
    upgradeHeaders: (url) =>
      token === undefined ? undefined : { 'X-Twilio-Signature': lamlSignature(token, url, {}) },
    account(via) {
      const credentials = twilioCredentials(settings);
      if (credentials === undefined) return undefined;
      const { accountSid, keySid, password } = credentials;
      const base = settings.TWILIO_API_URL ?? 'https://api.twilio.com';
      return lamlAccount(
        {
          url: `${base}/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers`,
          suffix: '.json',
          user: keySid ?? accountSid,
          password,
          settings:
            keySid === undefined ? 'TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN' : 'TWILIO_API_KEY_SID and its secret',
        },
        via,
      );
    },
  };
}
