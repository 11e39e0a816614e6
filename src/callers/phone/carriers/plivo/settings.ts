import { z } from 'zod';
import { csv, type SettingsOf, webUrl } from '../../../../settings.ts';

/** The codecs of its streams, spelled as all settings spell them. https://docs.plivo.com/docs/voice/xml/audiostream */
export const PLIVO_CODECS = ['PCMU@8000h', 'L16@8000h', 'L16@16000h'] as const;

/** Plivo's share of the daemon's one schema of settings. Passwords are kept out of every log. */
export const plivoSettings = {
  /** What its webhooks and streams need. */
  calls: {
    PLIVO_AUTH_TOKEN: csv
      .default([])
      .describe(
        'Auth token of the Plivo account: it signs webhooks and the upgrades of media streams; two, comma-separated, while one is being rotated.',
      ),
    PLIVO_CODEC: z
      .enum(PLIVO_CODECS)
      .default('PCMU@8000h')
      .describe("Codec asked of Plivo's stream; L16@16000h is wideband where the caller's network is."),
    PLIVO_L16_BYTE_ORDER: z
      .enum(['auto', 'le', 'be'])
      .default('auto')
      .describe(
        "Byte order of L16 samples on Plivo's stream, which it does not document. auto: as the first audio of a caller shows it, for both directions, and until then as it was in the calls before.",
      ),
  },
  /** What its control of calls needs besides. */
  control: {
    PLIVO_AUTH_ID: z
      .string()
      .regex(/^(MA|SA)[A-Z0-9]{18}$/, 'must be MA (an account) or SA (a subaccount) and 18 letters and digits')
      .optional()
      .describe(
        'Account of the Plivo REST API, MA… or SA…: with PLIVO_AUTH_TOKEN the daemon can place, transfer and hang up calls there.',
      ),
    PLIVO_API_URL: webUrl.optional().describe('Plivo REST API at another address than https://api.plivo.com.'),
  },
};

export type PlivoSettings = SettingsOf<typeof plivoSettings>;

/** What is set only in part, one sentence each. */
export function plivoContradictions({ PLIVO_AUTH_ID: id, PLIVO_AUTH_TOKEN: tokens }: PlivoSettings): string[] {
  return id !== undefined && tokens.length === 0
    ? ['PLIVO_AUTH_ID: needs PLIVO_AUTH_TOKEN, its password at the REST API. Set both, or neither.']
    : [];
}
