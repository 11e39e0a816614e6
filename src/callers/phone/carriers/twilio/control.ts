import { configured } from '../../control/configured.ts';
import type { CallControl } from '../../control/control.ts';
import type { ControlDeps } from '../carrier.ts';
import { twilioRest } from './rest.ts';
import type { TwilioSettings } from './settings.ts';

/** Who asks the REST API: an API key of the account, or the account by its own token; undefined where neither is set whole. */
export function twilioCredentials({
  TWILIO_ACCOUNT_SID: accountSid,
  TWILIO_API_KEY_SID: keySid,
  TWILIO_API_KEY_SECRET: keySecret,
  TWILIO_AUTH_TOKEN: tokens,
}: TwilioSettings) {
  // While the auth token is being rotated the first one is the one in use.
  const password = keySid === undefined ? tokens[0] : keySecret;
  return accountSid === undefined || password === undefined ? undefined : { accountSid, keySid, password };
}

/** Twilio's control of calls, as the settings have it; undefined without credentials. Throws CONFIG_INVALID. */
export function twilioControl(settings: TwilioSettings, { clock, log }: ControlDeps): CallControl | undefined {
  const credentials = twilioCredentials(settings);
  if (credentials === undefined) return undefined;
  const { accountSid, keySid, password: authToken } = credentials;
  return configured('TWILIO_ACCOUNT_SID or TWILIO_API_URL', () =>
    twilioRest({ accountSid, authToken, keySid, baseUrl: settings.TWILIO_API_URL, clock, log }),
  );
}
