import { z } from 'zod';
import { isPrivateHost } from '../../addresses.ts';
import { csv, flag, webUrl } from '../../settings.ts';
import { META_GRAPH_URL } from './http/account.ts';

/** The settings of calls by WhatsApp: entries of the daemon's one schema. */

const secret = z.string().min(8, 'is too short to be one');

export const whatsappSettings = {
  WHATSAPP_PHONE_NUMBER_ID: csv
    .refine(
      (all) => all.every((one) => /^\d{5,25}$/.test(one)),
      'must be ids of phone numbers (digits), separated by commas',
    )
    .default([])
    .describe(
      'Ids of the WhatsApp business phone numbers whose calls are taken, comma-separated, as the app dashboard shows them (not the numbers themselves). A webhook of another number is counted and ignored. Without one only the simulated calls of `npm run call -- --carrier whatsapp` are taken.',
    ),
  WHATSAPP_ACCESS_TOKEN: secret
    .optional()
    .describe(
      'Access token for these numbers: a permanent one of a system user, with whatsapp_business_messaging and whatsapp_business_management.',
    ),
  WHATSAPP_APP_SECRET: csv
    .refine((all) => all.every((one) => one.length >= 8), 'is too short to be one')
    .default([])
    .describe(
      "The Meta app's secret, two comma-separated while one is being rotated: every webhook is proven by it (X-Hub-Signature-256), and refused without.",
    ),
  WHATSAPP_VERIFY_TOKEN: secret
    .optional()
    .describe(
      'The token of your choice that is entered beside the webhook address, $PUBLIC_URL/whatsapp/webhook, in the app dashboard.',
    ),
  WHATSAPP_PRE_ACCEPT: flag
    .default(true)
    .describe(
      'true: Meta is told the answer before the call is accepted (pre_accept), so that media is up when it is and the first words are whole. false: accept alone. Either way no packet of audio leaves before Meta has taken the accept.',
    ),
  GRAPH_API_VERSION: z
    .string()
    .regex(/^v\d{1,3}\.\d$/, 'must look like v25.0')
    .default('v25.0')
    .describe('Version of the Graph API. v25.0 ends on 29 July 2028; calls need v17.0 or newer.'),
  GRAPH_API_URL: webUrl
    .default(META_GRAPH_URL)
    .describe(
      'Where the Graph API is. Another than the default one is for trials: while it is on a private or loopback address, private media addresses of the far end are accepted, too.',
    ),
};

export interface WhatsappConfig {
  readonly WHATSAPP_PHONE_NUMBER_ID: readonly string[];
  readonly WHATSAPP_ACCESS_TOKEN?: string | undefined;
  readonly WHATSAPP_APP_SECRET: readonly string[];
  readonly WHATSAPP_VERIFY_TOKEN?: string | undefined;
  readonly GRAPH_API_VERSION: string;
  readonly GRAPH_API_URL: string;
}

/** What cannot be together, one sentence each. */
export function whatsappContradictions(config: WhatsappConfig): string[] {
  const problems: string[] = [];
  const needed = ['WHATSAPP_ACCESS_TOKEN', 'WHATSAPP_APP_SECRET', 'WHATSAPP_VERIFY_TOKEN'] as const;
  if (config.WHATSAPP_PHONE_NUMBER_ID.length > 0)
    for (const name of needed)
      if (config[name] === undefined || config[name].length === 0)
        problems.push(`${name}: is not set although WHATSAPP_PHONE_NUMBER_ID is. Calls by WhatsApp need it.`);
  const { protocol, hostname } = new URL(config.GRAPH_API_URL);
  if (protocol === 'http:' && !isPrivateHost(hostname))
    problems.push('GRAPH_API_URL: over http:// everybody on the way would see the access token. Use https://.');
  if (Number(config.GRAPH_API_VERSION.slice(1)) < 17) problems.push('GRAPH_API_VERSION: calls need v17.0 or newer.');
  return problems;
}
