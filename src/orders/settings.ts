import { z } from 'zod';
import { integer, phoneNumber } from '../settings.ts';

/**
 * The settings of calls that are ordered: entries of the daemon's one schema. `carriers`: those that could place them, in the order in which
 * they are asked.
 */
export const outboundSettings = (carriers: ReadonlyArray<{ readonly name: string; readonly title: string }>) => ({
  OUTBOUND_CARRIER: z
    .enum(carriers.map(({ name }) => name))
    .optional()
    .describe(
      `Which carrier places calls that are ordered (POST /calls). Without it the one whose credentials are set, ${carriers[0]?.title} where ${carriers.length > 2 ? 'several' : 'both'} are.`,
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
});
