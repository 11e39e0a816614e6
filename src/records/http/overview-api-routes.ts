import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../http/route.ts';
import { isZone } from '../../zone.ts';

/** The interface for what the calls of a time come to, as data. */

const count = z.number().int();
const ms = z.number();
const maybe = <T extends z.ZodType>(type: T) => z.union([type, z.null()]);
const moment = z.iso.datetime();

const figures = {
  calls: count,
  active: count.describe('Of the calls, those that go on.'),
  failed: count.describe('Those that ended otherwise than they should.'),
  durationMs: ms.describe('Of those that are over, together.'),
  cost: maybe(z.number()).describe(
    'Of those whose price is known; null where they are priced in several currencies, which have no sum: see `costs`.',
  ),
  costs: z.array(z.object({ currency: z.string(), cost: z.number() })),
  unpriced: count.describe('Calls whose price is not known.'),
  turns: count,
  bargeIns: count,
  toolCalls: count,
  tokensIn: count,
  tokensCached: count.describe('Of `tokensIn`.'),
  tokensOut: count,
  answers: z
    .object({ count, p50Ms: maybe(ms), p95Ms: maybe(ms), p50FromMs: maybe(ms), p95FromMs: maybe(ms) })
    .describe(
      "How long answers took, from the caller's last word to the first sound that he heard. A percentile is read off a histogram; `p50FromMs` and `p95FromMs` are where its parts begin: some answer took so long or longer, and `slowMs` finds it.",
    ),
};
const refusedCount = { refused: count.describe('Callers who were not taken; they are no calls.') };
const named = z.object({ name: maybe(z.string()), ...figures });
const byReason = z.object({ reason: z.string(), calls: count });

export const overviewView = z
  .object({
    since: moment,
    until: moment,
    step: z.enum(['hour', 'day']),
    zone: z.string(),
    totals: z.object({ ...figures, ...refusedCount }),
    slots: z.array(z.object({ from: moment, to: moment, ...figures, ...refusedCount })),
    prompts: z.array(named).describe('Those with most calls first; as the other lists.'),
    routes: z.array(named),
    carriers: z.array(named),
    models: z.array(named),
    failures: z.array(z.object({ result: z.string(), ...byReason.shape })),
    refused: z.array(byReason),
    costs: figures.costs,
    isCut: z.boolean().describe('Some names with few calls are left out of the lists.'),
  })
  .describe('What the calls of a time come to.');

export const refusedView = z
  .object({
    id: z.string(),
    at: moment,
    instance: z.string(),
    reason: z.string(),
    carrier: maybe(z.string()),
    from: maybe(z.string()),
    to: maybe(z.string()),
    calls: count.describe('More than one where many came at once: then nothing else is kept of them.'),
  })
  .describe('A caller who was not taken.');
export const refusedList = z.object({
  refused: z.array(refusedView),
  next: maybe(z.string()).describe('`before` of the next page; null on the last.'),
});
namedSchemas.add(overviewView, { id: 'Overview' });
namedSchemas.add(refusedView, { id: 'RefusedCaller' });
namedSchemas.add(refusedList, { id: 'RefusedCallerList' });

const name = z.string().trim().min(1).max(200);
const span = {
  since: z.iso.datetime({ offset: true }).optional().describe('A day ago where it is left out.'),
  until: z.iso.datetime({ offset: true }).optional().describe('Now where it is left out.'),
};
const overviewQuery = z.strictObject({
  ...span,
  step: z
    .enum(['hour', 'day'])
    .optional()
    .describe('By hour where it is left out, by day where that would be more than three days.'),
  zone: z
    .string()
    .max(60)
    .refine(isZone, 'must be a zone such as Europe/Berlin')
    .default('UTC')
    .describe('Whose hours and days they are.'),
  prompt: name.optional(),
  route: name.optional(),
  carrier: name.optional(),
});
const refusedQuery = z.strictObject({
  ...span,
  reason: z
    .string()
    .regex(/^[a-z-]{1,40}$/)
    .optional(),
  carrier: name.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z
    .string()
    .regex(/^[A-Za-z0-9]{1,60}$/, 'must be the `next` of a page')
    .optional(),
});

const STORE = { 503: ['STORE_UNAVAILABLE'] } as const;

export const overviewRoutes = {
  getOverview: {
    method: 'GET',
    url: '/records/overview',
    operationId: 'getOverview',
    summary:
      'What the calls of a time come to: by hour or day, prompt, route, carrier, model and end, with who was refused.',
    query: overviewQuery,
    success: { status: 200, body: overviewView },
    errors: STORE,
  },
  listRefused: {
    method: 'GET',
    url: '/records/refused',
    operationId: 'listRefusedCallers',
    summary: 'Callers who were not taken, the newest first.',
    query: refusedQuery,
    success: { status: 200, body: refusedList },
    errors: STORE,
  },
} as const satisfies Record<string, RouteDefinition>;
