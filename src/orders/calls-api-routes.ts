import { z } from 'zod';
import { E164 } from '../call/party.ts';
import { CALL_STATUSES } from '../callers/phone/control/index.ts';
import { namedSchemas, type RouteDefinition } from '../http/route.ts';
import { parseDigits, parseNumber } from '../numbering/number.ts';
import { whatsappAddress } from '../numbering/party.ts';
import { plainText, withoutSeparators } from '../numbering/spelling.ts';

/** The interface for calls, as data: what each route takes and gives. Requests are checked by it and the OpenAPI document is made of it. */

const number = z
  .string()
  .max(64)
  .transform((text) => parseNumber(text) ?? withoutSeparators(plainText(text)))
  .pipe(z.string().regex(/^\+?\d{1,40}$/, 'must be a phone number with its country code'))
  .meta({ description: 'A phone number, E.164 or as people write it.', examples: ['+15551234567'] });
const e164 = z
  .string()
  .max(64)
  .transform((text) => parseNumber(text) ?? '')
  .pipe(z.string().regex(E164, 'must be a phone number with its country code'))
  .meta({ description: 'A phone number, E.164 or as people write it.', examples: ['+15551234567'] });
/** A number, or somebody on WhatsApp. */
const destination = z
  .string()
  .max(300)
  .transform((text) =>
    /^\s*whatsapp:/i.test(text)
      ? (whatsappAddress(text) ?? 'nobody')
      : (parseNumber(text) ?? withoutSeparators(plainText(text))),
  )
  .pipe(
    z
      .string()
      .regex(
        /^(?:\+?\d{1,40}|whatsapp:\S+)$/,
        'must be a phone number with its country code, or whatsapp: and a number or a user id',
      ),
  )
  .meta({
    description: 'A phone number, E.164 or as people write it; or somebody on WhatsApp, by number or user id.',
    examples: ['+15551234567', 'whatsapp:+15551234567', 'whatsapp:US.13491208655302741918'],
  });
/** What is called from: a number, or a number of ours at WhatsApp by its id there. */
const origin = z
  .string()
  .max(64)
  .transform((text) => (text.startsWith('whatsapp:') ? text : (parseNumber(text) ?? '')))
  .pipe(
    z
      .string()
      .regex(
        /^(?:\+[1-9]\d{6,14}|whatsapp:\d{5,25})$/,
        'must be a phone number with its country code, or whatsapp: and the id of a phone number',
      ),
  )
  .meta({
    description: 'A phone number; of a call by WhatsApp the id of one of WHATSAPP_PHONE_NUMBER_ID.',
    examples: ['+15551234567', 'whatsapp:106540352242922'],
  });
const words = z.string().trim().min(1).max(2_000);

export const callOrder = z
  .strictObject({
    to: destination,
    from: origin.optional().describe('What is called from; what is configured without it.'),
    prompt: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be the name of a prompt')
      .optional()
      .describe('Name of the prompt that the agent gets; that of the route without it.'),
    agent: z
      .union([z.string().max(64), z.record(z.string().max(64), z.unknown())])
      .refine((agent) => JSON.stringify(agent).length <= 8_000, 'must have at most 8000 characters')
      .optional()
      .describe(
        'Who answers in place of the agent of route and prompt: a kind of agent, or an object that says which one of its kind. One at an address of its own needs the role admin.',
      ),
    variables: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/), z.string().max(2_000))
      .refine((all) => Object.keys(all).length <= 50, 'must have at most 50 entries')
      .optional()
      .describe("Values for the prompt's variables."),
    callbackUrl: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .optional()
      .describe('Told, as JSON by POST, how the call ended.'),
    machineDetection: z
      .enum(['off', 'detect', 'message-end'])
      .default('off')
      .describe('Whether the carrier finds out if a machine answered; the conversation does not wait for it.'),
    timeoutSeconds: z.int().min(5).max(120).default(30).describe('How long it rings.'),
  })
  .describe('A call to be placed.');
export type CallOrder = z.infer<typeof callOrder>;

export const callView = z
  .object({
    id: z.string().describe("The bridge's id of the call."),
    carrierCallId: z.string().optional().describe("The carrier's id, as soon as there is one."),
    direction: z.enum(['inbound', 'outbound']),
    status: z.enum(CALL_STATUSES),
    from: z.string().optional(),
    to: z.string().optional(),
    callerKind: z
      .enum(['number', 'identity', 'withheld'])
      .optional()
      .describe('What is known of the person on the line.'),
    prompt: z.string().optional(),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
    instance: z.string().optional().describe('The instance that has it, where there are several.'),
    cannot: z
      .object({ transfer: z.string().optional(), digits: z.string().optional() })
      .optional()
      .describe('What this line cannot be asked for, each with a sentence that says why.'),
    answeredBy: z.string().optional().describe("What machine detection found, in the carrier's word."),
    end: z
      .object({ result: z.string(), reason: z.string() })
      .optional()
      .describe('How the conversation ended, where there was one.'),
  })
  .describe('A call that goes on, or that ended a short while ago.');
export type CallView = z.infer<typeof callView>;

export const callList = z.object({
  calls: z.array(callView),
  unreachable: z
    .array(z.string())
    .optional()
    .describe('Instances that did not answer: what is told of their calls may not be all.'),
});
export type CallList = z.infer<typeof callList>;

const transferOrder = z.strictObject({
  to: number,
  callerId: e164.optional().describe('Number shown to the one who is called.'),
  say: words.max(500).optional().describe('Said to the caller before.'),
});
const digitsOrder = z.strictObject({
  digits: z
    .string()
    .max(128)
    .transform(parseDigits)
    .pipe(z.string().regex(/^[0-9*#A-Dw]{1,32}$/, 'must be 1 to 32 of 0-9 * # A-D, and w for half a second'))
    .describe('0-9 * # A-D, and w for a pause of half a second.'),
});
const textOrder = z.strictObject({ text: words });

export const listQuery = z.strictObject({
  state: z.enum(['active', 'ended', 'all']).default('active'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export type ListQuery = z.infer<typeof listQuery>;
const callId = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9-]{1,100}$/) });

namedSchemas.add(callOrder, { id: 'CallOrder' });
namedSchemas.add(callView, { id: 'Call' });
namedSchemas.add(callList, { id: 'CallList' });
namedSchemas.add(transferOrder, { id: 'TransferOrder' });
namedSchemas.add(digitsOrder, { id: 'DigitsOrder' });
namedSchemas.add(textOrder, { id: 'TextOrder' });

const ANSWERED = { 404: ['CALL_UNKNOWN'], 409: ['CALL_ENDED', 'CALL_NOT_ANSWERED', 'CONTROL_GONE'] } as const;
const SPOKEN = { ...ANSWERED, 409: [...ANSWERED[409], 'CALL_TAKEN_OVER'] } as const;
const CARRIER = {
  502: ['CONTROL_AUTH', 'CONTROL_REJECTED', 'CONTROL_UNAVAILABLE', 'CONTROL_PROTOCOL'],
  503: ['CONTROL_RATE_LIMITED', 'CONTROL_ABORTED', 'OUTBOUND_UNAVAILABLE'],
  504: ['CONTROL_TIMEOUT'],
} as const;
/** Where another instance has the call. */
const ELSEWHERE = { 503: ['PEER_UNREACHABLE'], 504: ['PEER_LATE'] } as const;
const CONTROLLED = {
  ...CARRIER,
  503: [...CARRIER[503], ...ELSEWHERE[503]],
  504: [...CARRIER[504], ...ELSEWHERE[504]],
} as const;

/** What a call by WhatsApp can fail with before it rings, beside the rest. */
const WHATSAPP = {
  403: ['GRAPH_NO_CALL_PERMISSION', 'GRAPH_NOT_ALLOWED_RECIPIENT'],
  409: ['GRAPH_CALL_DUPLICATE'],
  422: ['GRAPH_NOT_CALLABLE'],
  429: ['GRAPH_CALL_LIMIT', 'GRAPH_CALL_RATE_LIMITED', 'GRAPH_CALLS_TOO_MANY'],
  502: [
    'GRAPH_AUTH',
    'GRAPH_FORBIDDEN',
    'GRAPH_ACCOUNT_BLOCKED',
    'GRAPH_NUMBER_UNKNOWN',
    'GRAPH_NUMBER_ON_SIP',
    'GRAPH_CALLING_OFF',
    'GRAPH_CALLING_DISABLED',
    'GRAPH_NO_PAYMENT_METHOD',
    'GRAPH_PARAMETER_INVALID',
    'GRAPH_CALL_FAILED',
    'GRAPH_REJECTED',
    'GRAPH_PROTOCOL',
    'GRAPH_UNAVAILABLE',
  ],
  503: ['GRAPH_RATE_LIMITED', 'GRAPH_ABORTED'],
  504: ['GRAPH_TIMEOUT'],
} as const;

export const routes = {
  place: {
    method: 'POST',
    url: '/calls',
    operationId: 'placeCall',
    summary: 'Calls somebody and lets the agent talk to whoever answers.',
    headers: {
      'Idempotency-Key':
        'Repeating the request with the same key and body gives the first answer and places no second call.',
    },
    body: callOrder,
    success: { status: 201, body: callView },
    errors: {
      400: ['IDEMPOTENCY_KEY_INVALID'],
      403: ['DESTINATION_REFUSED', 'CALLBACK_REFUSED', 'ROLE_TOO_LOW', ...WHATSAPP[403]],
      409: ['IDEMPOTENCY_KEY_REUSED', ...WHATSAPP[409]],
      422: ['PROMPT_UNKNOWN', 'AGENT_UNKNOWN', ...WHATSAPP[422]],
      429: ['OUTBOUND_HOURLY_LIMIT', 'OUTBOUND_CONCURRENT_LIMIT', 'NO_MORE_CALLS', ...WHATSAPP[429]],
      501: ['CONTROL_UNSUPPORTED', 'CONTROL_DEPENDENCY_MISSING'],
      502: [...CARRIER[502], ...WHATSAPP[502]],
      503: [...CARRIER[503], ...WHATSAPP[503], 'NO_MORE_CALLS'],
      504: [...CARRIER[504], ...WHATSAPP[504]],
    },
  },
  list: {
    method: 'GET',
    url: '/calls',
    operationId: 'listCalls',
    summary: 'The calls that go on; on request also those that ended a short while ago.',
    query: listQuery,
    success: { status: 200, body: callList },
    errors: {},
  },
  get: {
    method: 'GET',
    url: '/calls/:id',
    operationId: 'getCall',
    summary: 'One call.',
    params: callId,
    success: { status: 200, body: callView },
    errors: { 404: ['CALL_UNKNOWN'] },
  },
  hangup: {
    method: 'POST',
    url: '/calls/:id/hangup',
    operationId: 'hangUpCall',
    summary: 'Ends a call, a ringing one too.',
    params: callId,
    success: { status: 204 },
    errors: { 404: ['CALL_UNKNOWN'], ...CONTROLLED },
  },
  transfer: {
    method: 'POST',
    url: '/calls/:id/transfer',
    operationId: 'transferCall',
    summary: 'Connects the caller to another number; the agent leaves the call.',
    params: callId,
    body: transferOrder,
    success: { status: 204 },
    errors: {
      403: ['DESTINATION_REFUSED'],
      ...ANSWERED,
      429: ['TRANSFER_HOURLY_LIMIT'],
      501: ['CONTROL_UNSUPPORTED'],
      ...CONTROLLED,
    },
  },
  digits: {
    method: 'POST',
    url: '/calls/:id/digits',
    operationId: 'sendDigits',
    summary: 'Plays digits to the far party.',
    params: callId,
    body: digitsOrder,
    success: { status: 204 },
    errors: { ...ANSWERED, 409: [...ANSWERED[409], 'DIGITS_CUT'], 501: ['CONTROL_UNSUPPORTED'], ...CONTROLLED },
  },
  say: {
    method: 'POST',
    url: '/calls/:id/say',
    operationId: 'say',
    summary: 'Has the agent say something, behind what it is saying.',
    params: callId,
    body: textOrder,
    success: { status: 202 },
    errors: { ...SPOKEN, ...ELSEWHERE, 501: ['CONTROL_UNSUPPORTED'] },
  },
  whisper: {
    method: 'POST',
    url: '/calls/:id/whisper',
    operationId: 'whisper',
    summary: 'Gives the agent a line that the caller does not hear; it heeds it with what it says next.',
    params: callId,
    body: textOrder,
    success: { status: 202 },
    errors: { ...ANSWERED, ...ELSEWHERE, 501: ['CONTROL_UNSUPPORTED'] },
  },
  text: {
    method: 'POST',
    url: '/calls/:id/text',
    operationId: 'sendText',
    summary: 'Gives the agent a line as if the caller had written it; it answers by voice.',
    params: callId,
    body: textOrder,
    success: { status: 202 },
    errors: { ...SPOKEN, ...ELSEWHERE, 501: ['CONTROL_UNSUPPORTED'] },
  },
} as const satisfies Record<string, RouteDefinition>;
