import { z } from 'zod';
import { CONVERSATION_MOST } from '../../call/info.ts';
import { partyText } from '../../call/party.ts';
import { parseNumber } from '../../numbering/number.ts';
import { parseParty } from '../../numbering/party.ts';
import { plainText, withoutSeparators } from '../../numbering/spelling.ts';
import type { RecordQuery } from '../store.ts';

/** A name of a prompt, a route, a carrier or a tool. */
const name = z.string().trim().min(1).max(200);

const IDENTITY = /^(?:sip|client|whatsapp|page|room):/;
const SOUGHT = /^(?:\+?\d{3,15}|(?:sip|client|whatsapp|page|room):\S+)$/;

/** Whom a search is for, as records write him: an identity letter for letter, unless it has a number, which then is who he is. */
function sought(written: string): string {
  const text = plainText(written);
  if (!IDENTITY.test(text)) return parseNumber(written) ?? withoutSeparators(text);
  return partyText(parseParty(text)) ?? text;
}

/** Which calls are asked for, as a query of HTTP has it. */
export const recordFilters = {
  text: z.string().trim().min(1).max(200).optional(),
  number: z
    .string()
    .max(300)
    .transform(sought)
    .pipe(z.string().regex(SOUGHT, 'must be a number with its country code, its last digits, or an identity'))
    .optional()
    .describe('A number, its last digits, or an identity as records have it: client:alice, whatsapp:US.1349….'),
  callerKind: z.enum(['number', 'identity', 'withheld']).optional(),
  prompt: name.optional(),
  route: name.optional(),
  carrier: name.optional(),
  tool: name.optional().describe('A tool that was run in the call.'),
  slowMs: z.coerce.number().min(0).max(600_000).optional().describe('An answer took so long at least, ms.'),
  interrupted: z.literal('true').optional().describe('The caller spoke over the agent.'),
  failed: z.literal('true').optional().describe('It ended otherwise than it should.'),
  counted: z
    .literal('true')
    .optional()
    .describe(
      'An overview counts it among the calls: not a caller who was refused, nor the part of a call before it moved.',
    ),
  cost: z.coerce.number().min(0).max(1e9).optional().describe('It cost so much at least.'),
  result: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .optional(),
  reason: z
    .string()
    .regex(/^[a-z-]{1,40}$/)
    .optional(),
  conversationId: z.string().min(1).max(CONVERSATION_MOST).optional(),
  tenantId: z.string().min(1).max(64).optional(),
  active: z.enum(['true', 'false']).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
};

/** The store's question for these filters. */
export function queryOf(filters: z.output<z.ZodObject<typeof recordFilters>>): Omit<RecordQuery, 'limit'> {
  const { active, since, until, interrupted, failed, counted, cost, ...same } = filters;
  return {
    ...same,
    costFrom: cost,
    active: active === undefined ? undefined : active === 'true',
    interrupted: interrupted === undefined ? undefined : true,
    failed: failed === undefined ? undefined : true,
    counted: counted === undefined ? undefined : true,
    since: since === undefined ? undefined : Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  };
}
