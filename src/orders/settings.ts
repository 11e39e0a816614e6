import { z } from 'zod';
import { integer, phoneNumber, webUrl } from '../settings.ts';

/** The settings of call control and of calls that are ordered: entries of the daemon's one schema. Passwords are kept out of every log. */
export const outboundSettings = {
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
  SIGNALWIRE_API_URL: webUrl
    .optional()
    .describe("SignalWire REST API at another address than the space's own, https://SPACE.signalwire.com."),
  SIGNALWIRE_CONTROL: z
    .enum(['rest', 'relay'])
    .default('rest')
    .describe(
      'How calls at SignalWire are placed: rest (the Compatibility API), or relay (its realtime connection, which needs the optional package @signalwire/realtime-api; transfers go by REST all the same).',
    ),
  SIGNALWIRE_RELAY_URL: z
    .string()
    .regex(/^wss?:\/\/\S+$/, 'must be a ws:// or wss:// URL')
    .optional()
    .describe('SignalWire relay at another address than wss://relay.signalwire.com.'),
  OUTBOUND_CARRIER: z
    .enum(['twilio', 'signalwire'])
    .optional()
    .describe(
      'Which carrier places calls that are ordered (POST /calls). Without it the one whose credentials are set, Twilio where both are.',
    ),
  OUTBOUND_FROM: phoneNumber
    .optional()
    .describe(
      'Number that ordered calls are made from where the order names none: one of your own at that carrier, E.164.',
    ),
  OUTBOUND_PER_HOUR: integer(0, 100_000)
    .default(20)
    .describe('Most calls ordered in any 60 minutes; 0 forbids them. Whom they may reach, DIAL_ALLOW says.'),
  OUTBOUND_CONCURRENT: integer(0, 10_000)
    .default(5)
    .describe('Most ordered calls at once, those that ring included; 0 forbids them.'),
  CALLBACK_SECRET: z
    .string()
    .min(16, 'needs at least 16 characters')
    .optional()
    .describe(
      'Signs what is posted to the callbackUrl of an ordered call (Standard Webhooks); without it nothing is signed. The hosts it may be posted to are those of HTTP_TOOL_HOSTS and HTTP_TOOL_PRIVATE_HOSTS.',
    ),
};

export type OutboundSettings = Readonly<z.infer<z.ZodObject<typeof outboundSettings>>>;

/** What is set only in part, one sentence each. */
export function outboundContradictions(config: OutboundSettings): string[] {
  const problems: string[] = [];
  const { TWILIO_API_KEY_SID: key, TWILIO_API_KEY_SECRET: secret, TWILIO_ACCOUNT_SID: account } = config;
  if ((key === undefined) !== (secret === undefined))
    problems.push('TWILIO_API_KEY_SID: goes with TWILIO_API_KEY_SECRET. Set both, or neither.');
  if (key !== undefined && account === undefined)
    problems.push('TWILIO_API_KEY_SID: needs TWILIO_ACCOUNT_SID, the account it belongs to.');
  return problems;
}
