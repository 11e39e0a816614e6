import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../../http/route.ts';
import { SESSION_HEADER } from './bridge-access.ts';

/** The routes of calls from pages, as data: requests are checked by it and the OpenAPI document is made of it. */

const PATH = '/api/realtime/webrtc/bridge';
const ONE = `${PATH}/:conversation_id`;

const conversationId = z
  .string()
  .regex(/^[\w.:@-]{1,128}$/, 'must be 1 to 128 letters, digits and _ . : @ -')
  .describe("The page's name for the conversation; one call at a time has it.");

/** What callers of other bridges send beside it is let be. */
const bridgeOrder = z.object({
  conversation_id: conversationId,
  offer: z
    .union([z.string(), z.object({ type: z.literal('offer'), sdp: z.string() })])
    .describe('The SDP offer, as text or as RTCSessionDescription; the answer has the same form.'),
  voice: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be the name of a voice')
    .nullish(),
  agent_name: z
    .string()
    .max(200)
    .nullish()
    .describe('Name of a prompt; of no effect where there is none of this name.'),
  agent: z
    .union([z.string().max(64), z.record(z.string().max(64), z.unknown())])
    .refine((agent) => JSON.stringify(agent).length <= 8_000, 'must have at most 8000 characters')
    .nullish()
    .describe(
      'For operators: who answers in place of the agent of route and prompt; a kind of agent, or an object that says which one of its kind. One at an address of its own is for admins.',
    ),
  system_prompt: z.string().trim().max(30_000).nullish().describe("In place of the prompt's words."),
});

const textOrder = z.object({
  text: z.string().trim().min(1).max(4_000),
  id: z
    .string()
    .regex(/^[\w.:-]{1,64}$/)
    .optional()
    .describe('Repeated with the same id it is one turn.'),
});
const params = z.object({ conversation_id: conversationId });

const description = z.object({ type: z.literal('answer'), sdp: z.string() });
const opened = z.object({
  session_id: z.string().describe("The bridge's id of the call."),
  answer: z.union([z.string(), description]).describe('The SDP answer, in the form of the offer.'),
});
const accepted = z.object({ status: z.literal('accepted') });

namedSchemas.add(bridgeOrder, { id: 'BridgeOrder' });
namedSchemas.add(opened, { id: 'Bridge' });
namedSchemas.add(textOrder, { id: 'BridgeTextOrder' });
namedSchemas.add(accepted, { id: 'BridgeTextAccepted' });

const headers = {
  [SESSION_HEADER]: "The `session_id` of the conversation's call, by which who is no operator shows it to be his own.",
};

/** Described by whether anybody may call, or operators alone. */
export const bridgeRoutes = (access: 'admin' | 'public') =>
  ({
    open: {
      method: 'POST',
      url: PATH,
      operationId: 'openBridge',
      summary: "Answers a page's offer of a call with the agent; a call that the conversation had ends.",
      headers,
      body: bridgeOrder,
      success: { status: 200, body: opened },
      errors: {
        400: ['PEER_SDP_INVALID'],
        403: ['ORIGIN_REFUSED', 'BRIDGE_FORBIDDEN', 'SYSTEM_PROMPT_REFUSED', 'AGENT_REFUSED', 'ROLE_TOO_LOW'],
        409: ['BRIDGE_REPLACED', 'CALL_ENDED'],
        422: ['AGENT_UNKNOWN'],
        429: ['NO_MORE_CALLS', 'RATE_LIMITED'],
        503: ['NO_MORE_CALLS', 'PEER_UNAVAILABLE', 'PEER_FAILED'],
      },
      access: ACCESS[access],
    },
    close: {
      method: 'DELETE',
      role: 'operator',
      url: ONE,
      operationId: 'closeBridge',
      summary: "Ends the conversation's call.",
      params,
      headers,
      success: { status: 204 },
      errors: { 403: ['ORIGIN_REFUSED', 'BRIDGE_FORBIDDEN'], 404: ['BRIDGE_UNKNOWN'] },
      access: ACCESS[access],
    },
    text: {
      method: 'POST',
      url: `${ONE}/text`,
      operationId: 'writeToBridge',
      summary: 'Gives the agent a line that the caller wrote; it answers by voice.',
      params,
      headers,
      body: textOrder,
      success: { status: 202, body: accepted },
      errors: {
        403: ['ORIGIN_REFUSED', 'BRIDGE_FORBIDDEN'],
        404: ['BRIDGE_UNKNOWN'],
        409: ['CALL_NOT_ANSWERED', 'CALL_ENDED'],
        429: ['TEXT_TOO_MANY'],
        501: ['TEXT_UNSUPPORTED'],
      },
      access: ACCESS[access],
    },
  }) as const satisfies Record<string, RouteDefinition>;

const ACCESS = { admin: 'admin', public: 'anybody' } as const;
