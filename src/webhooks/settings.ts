import { z } from 'zod';
import { csv, integer, webUrl } from '../settings.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from './delivery.ts';

const isEvent = (name: string): name is WebhookEvent => (WEBHOOK_EVENTS as readonly string[]).includes(name);

/** The settings of webhooks: entries of the daemon's one schema. */
export const webhookSettings = {
  WEBHOOK_URL: csv
    .refine(
      (urls) => urls.every((url) => webUrl.safeParse(url).success),
      'must be http:// or https:// URLs, separated by commas',
    )
    .refine((urls) => new Set(urls).size === urls.length, 'names a URL twice')
    .default([])
    .describe('Where the beginning and end of calls and their tool calls are told by POST; several, comma-separated.'),
  WEBHOOK_SECRET: z
    .string()
    .min(16, 'needs at least 16 characters')
    .optional()
    .describe(
      'Signs webhooks as Standard Webhooks has it; a value that begins with whsec_ is base64. Without it they are not signed.',
    ),
  WEBHOOK_EVENTS: csv
    .refine((names) => names.every(isEvent), `must be some of ${WEBHOOK_EVENTS.join(', ')}, separated by commas`)
    .transform((names) => names.filter(isEvent))
    .default([...WEBHOOK_EVENTS])
    .describe('Which webhooks are sent.'),
  WEBHOOK_ATTEMPTS: integer(1, 30)
    .default(20)
    .describe(
      'Most tries of a webhook: the waits between them double from 2 s to 2 h, and after a day it is given up in any case.',
    ),
  WEBHOOK_QUEUE: integer(10, 1_000_000)
    .default(10_000)
    .describe('Most webhooks that wait for one destination; beyond, the oldest are dropped.'),
};
