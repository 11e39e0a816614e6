import { z } from 'zod';
import { errorMessage } from '../../../../errors.ts';
import { csv, type SettingsOf, webUrl } from '../../../../settings.ts';
import { privateKeyText } from './private-key.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Vonage's share of the daemon's one schema of settings. Passwords are kept out of every log. */
export const vonageSettings = {
  /** What its webhooks and streams need. */
  calls: {
    VONAGE_SIGNATURE_SECRET: csv
      .default([])
      .describe(
        'Signature secret of the account (not the API secret): verifies webhooks and the media socket; two, comma-separated, while one is being rotated.',
      ),
    VONAGE_CODEC: z
      .enum(['L16@8000', 'L16@16000', 'L16@24000'])
      .default('L16@24000')
      .describe("Audio of Vonage's media socket; L16@24000 is the model's own rate, without resampling."),
  },
  /** What its control of calls and the doctor need. */
  control: {
    VONAGE_APPLICATION_ID: z
      .string()
      .regex(UUID, 'must be a UUID')
      .optional()
      .describe(
        'Voice application at Vonage, a UUID: with VONAGE_PRIVATE_KEY the daemon can place, transfer and hang up calls there.',
      ),
    VONAGE_PRIVATE_KEY: z
      .string()
      .transform((text, context) => {
        try {
          return privateKeyText(text);
        } catch (error) {
          context.addIssue({ code: 'custom', message: errorMessage(error) });
          return z.NEVER;
        }
      })
      .optional()
      .describe(
        'Private key of that application: PEM (also in one line, with \\n for its line breaks), base64 of a PEM, or the path of the downloaded file.',
      ),
    VONAGE_API_KEY: z
      .string()
      .min(1)
      .optional()
      .describe(
        "API key of the account: with VONAGE_API_SECRET the doctor looks at the number and the application's webhooks.",
      ),
    VONAGE_API_SECRET: z.string().min(1).optional().describe('Secret of VONAGE_API_KEY (not the signature secret).'),
    VONAGE_API_URL: webUrl
      .optional()
      .describe(
        "Vonage's Voice API at another address than https://api.nexmo.com, e.g. that of the application's region, https://api-eu-3.vonage.com.",
      ),
    VONAGE_ACCOUNT_URL: webUrl
      .optional()
      .describe(
        'Vonage’s APIs of numbers and applications, which the doctor asks, at another address than https://rest.nexmo.com and https://api.nexmo.com.',
      ),
  },
};

export type VonageSettings = SettingsOf<typeof vonageSettings>;

/** What is set only in part, one sentence each. */
export function vonageContradictions(settings: VonageSettings): string[] {
  const { VONAGE_APPLICATION_ID: application, VONAGE_PRIVATE_KEY: privateKey } = settings;
  const { VONAGE_API_KEY: key, VONAGE_API_SECRET: secret } = settings;
  const problems: string[] = [];
  if ((application === undefined) !== (privateKey === undefined))
    problems.push('VONAGE_PRIVATE_KEY: goes with VONAGE_APPLICATION_ID. Set both, or neither.');
  if ((key === undefined) !== (secret === undefined))
    problems.push('VONAGE_API_SECRET: goes with VONAGE_API_KEY. Set both, or neither.');
  return problems;
}
