import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../../http/route.ts';

/** The routes of calls that are handed on, as data: requests are checked by it and the OpenAPI document is made of it. */

const callId = z
  .string()
  .regex(/^[\x21-\x7e]{1,300}$/, 'must be 1 to 300 printable characters without spaces')
  .describe("The call's id at whoever has it: for WhatsApp the `id` of the webhook's call (`wacid.…`).");

const startOrder = z.object({
  callId,
  sdpOffer: z.string().min(1).describe("The caller's SDP offer, as it came."),
  from: z
    .string()
    .max(300)
    .nullish()
    .describe(
      'Who calls: for WhatsApp `user_id` of the webhook’s contact, else `wa_id`, else `from`. Left out: somebody who is not known.',
    ),
  sessionConfig: z
    .object({
      voice: z
        .string()
        .regex(/^[\w-]{1,64}$/, 'must be the name of a voice')
        .nullish(),
      instructions: z.string().trim().max(30_000).nullish().describe("In place of the prompt's words."),
      temperature: z
        .number()
        .min(0)
        .max(2)
        .nullish()
        .describe('How varied its words are. Of no effect where the model takes none: then it is named in `ignored`.'),
    })
    .nullish(),
});

const started = z.object({
  success: z.literal(true),
  callId: z.string(),
  sdpAnswer: z.string().describe('The SDP answer, for `pre_accept` and `accept` alike.'),
  bridgeUrl: z
    .string()
    .describe(
      'WebSocket of this call: events, and `accepted`, `text`, `say`, `hangup`. It holds a token of its own: keep it.',
    ),
  ignored: z
    .array(z.string())
    .optional()
    .describe('What of `sessionConfig` has no effect with the model that answers.'),
});
const callOrder = z.object({ callId });
const done = z.object({ success: z.literal(true) });

namedSchemas.add(startOrder, { id: 'HandedCallOrder' });
namedSchemas.add(started, { id: 'HandedCall' });
namedSchemas.add(callOrder, { id: 'HandedCallId' });
namedSchemas.add(done, { id: 'HandedCallDone' });

export const SOCKET_PATH = '/bridge/call';

export const handedCallRoutes = {
  start: {
    method: 'POST',
    url: '/bridge/start',
    operationId: 'startHandedCall',
    summary:
      "Answers a caller's SDP offer that somebody else's handler hands on; the same `callId` again gets the same answer.",
    body: startOrder,
    success: { status: 200, body: started },
    errors: {
      400: ['PEER_SDP_INVALID'],
      409: ['BRIDGE_STOPPED', 'CALL_ENDED'],
      429: ['NO_MORE_CALLS', 'RATE_LIMITED'],
      503: ['NO_MORE_CALLS', 'PEER_UNAVAILABLE', 'PEER_FAILED'],
    },
  },
  accepted: {
    method: 'POST',
    url: '/bridge/accepted',
    operationId: 'acceptHandedCall',
    summary:
      'Tells that the far end has taken the answer, so that audio may be sent to it; its first packet tells the same.',
    body: callOrder,
    success: { status: 200, body: done },
    errors: { 404: ['CALL_UNKNOWN'], 409: ['BRIDGE_STOPPED'] },
  },
  stop: {
    method: 'POST',
    url: '/bridge/stop',
    operationId: 'stopHandedCall',
    summary: 'Ends the call; one that has not begun yet will not. Repeated it changes nothing.',
    body: callOrder,
    success: { status: 200, body: done },
    errors: {},
  },
  socket: {
    method: 'GET',
    url: SOCKET_PATH,
    operationId: 'watchHandedCall',
    summary: 'The `bridgeUrl` of a call that was handed on; docs/whatsapp.md has the messages.',
    query: z.object({ token: z.string().describe("The call's own, as `bridgeUrl` has it.") }),
    success: { status: 101 },
    errors: { 401: ['BRIDGE_SOCKET_REFUSED'], 429: ['BRIDGE_SOCKETS_TOO_MANY'] },
    access: 'anybody',
  },
} as const satisfies Record<string, RouteDefinition>;
