import { z } from 'zod';
import { csv, type SettingsOf, webUrl } from '../../../../settings.ts';

/** Twilio's share of the daemon's one schema of settings. Passwords are kept out of every log. */
export const twilioSettings = {
  /** What its webhooks and streams need. */
  calls: {
    TWILIO_AUTH_TOKEN: csv
      .default([])
      .describe('Auth token that signs webhooks; two, comma-separated, while one is being rotated.'),
  },
  /** What its control of calls needs. */
  control: {
    TWILIO_ACCOUNT_SID: z
      .string()
      .regex(/^AC[0-9a-f]{32}$/i, 'must be AC and 32 hex digits')
      .optional()
      .describe(
        'Account of the Twilio REST API, AC…: with TWILIO_AUTH_TOKEN or an API key the daemon can place, transfer and hang up calls there.',
      ),
    TWILIO_API_KEY_SID: z
      .string()
      .regex(/^SK[0-9a-f]{32}$/i, 'must be SK and 32 hex digits')
      .optional()
      .describe('API key for the Twilio REST API, SK…, in place of the auth token.'),
    TWILIO_API_KEY_SECRET: z.string().min(1).optional().describe('Secret of TWILIO_API_KEY_SID.'),
    TWILIO_API_URL: webUrl
      .optional()
      .describe(
        'Twilio REST API at another address than https://api.twilio.com, e.g. https://api.dublin.ie1.twilio.com.',
      ),
  },
};

export type TwilioSettings = SettingsOf<typeof twilioSettings>;

/** What is set only in part, one sentence each. */
export function twilioContradictions(settings: TwilioSettings): string[] {
  const problems: string[] = [];
  const { TWILIO_API_KEY_SID: key, TWILIO_API_KEY_SECRET: secret, TWILIO_ACCOUNT_SID: account } = settings;
  if ((key === undefined) !== (secret === undefined))
    problems.push('TWILIO_API_KEY_SID: goes with TWILIO_API_KEY_SECRET. Set both, or neither.');
  if (key !== undefined && account === undefined)
    problems.push('TWILIO_API_KEY_SID: needs TWILIO_ACCOUNT_SID, the account it belongs to.');
  return problems;
}
