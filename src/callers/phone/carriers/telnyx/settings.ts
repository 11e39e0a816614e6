import { z } from 'zod';
import { csv, type SettingsOf, webUrl } from '../../../../settings.ts';

/** 32 bytes in base64. */
const PUBLIC_KEY = /^[A-Za-z0-9+/]{43}=$/;

/** Telnyx's share of the daemon's one schema of settings. Passwords are kept out of every log. */
export const telnyxSettings = {
  /** What its webhooks and streams need. */
  calls: {
    TELNYX_PUBLIC_KEY: csv
      .refine((keys) => keys.every((key) => PUBLIC_KEY.test(key)), 'must be 32 bytes in base64, as the portal shows it')
      .default([])
      .describe(
        'Public key of the Telnyx account, which verifies its webhooks; two, comma-separated, while one is being rotated.',
      ),
    TELNYX_APPLICATION: z
      .enum(['call-control', 'texml'])
      .default('call-control')
      .describe(
        'Which kind of application the numbers at Telnyx are given to: call-control (a Voice API application: JSON webhooks, answered over REST with TELNYX_API_KEY), or texml (a TeXML application: documents in the reply).',
      ),
    TELNYX_STREAM_CODEC: z
      .enum(['PCMU', 'PCMA', 'L16', 'default'])
      .default('PCMU')
      .describe(
        "What Telnyx is asked to send the caller's audio in. It converts between PCMU and PCMA alone; where it cannot, and for default, it is the call's own codec. What the stream says it is decides.",
      ),
    TELNYX_BIDIRECTIONAL_CODEC: z
      .enum(['PCMU@8000', 'PCMA@8000', 'L16@16000', 'L16@24000'])
      .default('PCMU@8000')
      .describe("What the agent's audio is sent to Telnyx in, whatever the caller's comes in; L16 is wideband."),
    TELNYX_L16_BYTE_ORDER: z
      .enum(['be', 'le', 'auto'])
      .default('auto')
      .describe(
        "Byte order of L16 samples on Telnyx's streams, which is not documented. auto: as the first audio of a caller shows it where that is L16, too; until then as it was in the calls before, at first be.",
      ),
  },
  /** What its answers over REST and its control of calls need. */
  control: {
    TELNYX_API_KEY: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Key of the Telnyx API, KEY…: calls of a Voice API application are answered with it, and calls are hung up, transferred and placed.',
      ),
    TELNYX_CONNECTION_ID: z
      .string()
      .regex(/^\d{1,32}$/, 'must be the digits of an id')
      .optional()
      .describe(
        'Id of the application at Telnyx, of either kind: calls are placed from it, and the doctor looks at it. Without it no calls are placed there.',
      ),
    TELNYX_ACCOUNT_SID: z
      .string()
      .regex(/^[\w-]{1,64}$/, 'must be an id')
      .optional()
      .describe('Account of the TeXML REST API, for TELNYX_APPLICATION=texml: what its webhooks call AccountSid.'),
    TELNYX_API_URL: webUrl.optional().describe('Telnyx API at another address than https://api.telnyx.com.'),
  },
};

export type TelnyxSettings = SettingsOf<typeof telnyxSettings>;

/** What is set only in part, one sentence each. */
export function telnyxContradictions(settings: TelnyxSettings): string[] {
  const problems: string[] = [];
  const { TELNYX_API_KEY: key, TELNYX_APPLICATION: application, TELNYX_PUBLIC_KEY: publicKeys } = settings;
  if (application === 'call-control' && publicKeys.length > 0 && key === undefined)
    problems.push(
      'TELNYX_API_KEY: calls of a Voice API application are answered with it, and TELNYX_PUBLIC_KEY is set. Set it, or TELNYX_APPLICATION=texml.',
    );
  for (const name of ['TELNYX_CONNECTION_ID', 'TELNYX_ACCOUNT_SID'] as const)
    if (settings[name] !== undefined && key === undefined) problems.push(`${name}: needs TELNYX_API_KEY.`);
  if (application === 'texml' && settings.TELNYX_BIDIRECTIONAL_CODEC.startsWith('L16'))
    problems.push(
      'TELNYX_BIDIRECTIONAL_CODEC: TeXML documents no L16. Set PCMU@8000 or PCMA@8000, or TELNYX_APPLICATION=call-control.',
    );
  return problems;
}

/** Where the API is. */
export const telnyxApiUrl = ({ TELNYX_API_URL: url = 'https://api.telnyx.com' }: TelnyxSettings): string => url;
