import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../../http/route.ts';
import { ROOM_NAME, ROOM_NAME_MOST } from '../../../transport/room-names.ts';

/** The routes of calls in rooms, as data: requests are checked by it and the OpenAPI document is made of it. */

/** Names are shown to people and told to the model: one line. */
const participantName = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'must be one line without control characters')
  .describe('Name of the participant, as others in the room see it.');
const roomName = z
  .string()
  .max(ROOM_NAME_MOST)
  .regex(ROOM_NAME, 'must be one line without control characters')
  .describe('Name of a room at the server.');
const agentId = z
  .string()
  .regex(/^[\w.-]{1,100}$/, 'must be the name of a prompt')
  .describe('Name of the prompt that answers; left out: as the routes say.');
const voiceLanguage = z
  .string()
  .max(35)
  .refine(isLanguage, 'must be a language such as en, de-DE or pt-BR')
  .describe('The language that is spoken and written down, BCP 47, e.g. `de-DE`.');
const tenantId = z
  .string()
  .regex(/^[\w.:-]{1,64}$/, 'must be 1 to 64 letters, digits and _ . : -')
  .describe(
    'Whose room it is, for records, metrics and limits: a label of yours. Of operators alone; what strangers say is not taken.',
  );
const audio = z
  .enum(['mix', 'pick'])
  .describe('What the model hears of several people: all at once, or whoever speaks. Left out: LIVEKIT_AUDIO.');

/** What may be chosen of the agent in a room. */
export const roomChoices = z.object({
  agentId: agentId.nullish(),
  voiceLanguage: voiceLanguage.nullish(),
  tenantId: tenantId.nullish(),
  audio: audio.nullish(),
});

const createOrder = z.object({ participantName: participantName.nullish(), ...roomChoices.shape });
const joinOrder = z.object({ roomName, participantName: participantName.nullish(), ...roomChoices.shape });
const connectionId = z.uuid().describe("The connection's id: that of the call in `/records` and `/events`, too.");
const endOrder = z.object({ connectionId });

const created = z.object({
  connectionId,
  roomName,
  accessToken: z
    .string()
    .optional()
    .describe(
      "The participant's token: opens this room alone, for LIVEKIT_TOKEN_MINUTES. Left out where none was asked for.",
    ),
  serverUrl: z.string().describe('Where the client connects to.'),
  status: z.literal('created'),
});

const person = z.object({
  identity: z.string(),
  name: z.string(),
  kind: z.enum(['standard', 'sip', 'connector', 'bridge']),
  microphone: z.enum(['none', 'muted', 'live']),
});

const status = z.object({
  connectionId,
  roomName,
  status: z
    .enum(['created', 'waiting', 'active', 'reconnecting', 'ended'])
    .describe(
      'created: the agent is on its way; waiting: it is there, and nobody else has come yet; active: somebody came, and the model was asked for; reconnecting: the server is away; ended.',
    ),
  since: z.number().describe('Since when that is so, ms since 1970.'),
  createdAt: z.number().describe('Ms since 1970.'),
  tenantId: z.string().optional(),
  origin: z.enum(['create-room', 'join-room', 'webhook']).describe('What brought the agent there.'),
  participants: z.array(person).describe('The people in the room now, in the order in which they came.'),
  agent: z.object({
    identity: z.string(),
    state: z.enum(['initializing', 'listening', 'thinking', 'speaking']),
  }),
  counters: z
    .object({
      participants: z.number().describe('People who came, each time.'),
      turns: z.number().describe('Turns, spoken and written.'),
      interruptions: z.number(),
      reconnects: z.number().describe('Times that the way to the server was lost.'),
    })
    .describe('Since the beginning.'),
  end: z
    .object({ result: z.string(), reason: z.string() })
    .optional()
    .describe('How it ended, as in records; told for ten minutes after the end.'),
});

const stats = z.object({
  rooms: z.object({
    created: z.number().describe('The agent is on its way.'),
    waiting: z.number(),
    active: z.number(),
    reconnecting: z.number(),
  }),
  participants: z.number().describe('People in all rooms.'),
  total: z
    .object({
      created: z.number(),
      joined: z.number(),
      dispatched: z.number().describe('Joined by webhook.'),
      ended: z.number(),
      failed: z.number().describe('Rooms that could not be had, or ended by an error.'),
    })
    .describe('Since the start of the daemon.'),
  since: z.number().describe('Start of the daemon, ms since 1970.'),
  tenants: z.record(z.string(), z.number()).describe('Rooms now, by tenantId.'),
  workers: z
    .array(
      z.object({
        pid: z.number(),
        state: z.enum(['starting', 'serving', 'draining']),
        rooms: z.number(),
        served: z.number(),
        rss: z.number().optional().describe('Bytes.'),
        threads: z.number().optional(),
      }),
    )
    .describe('The processes that hold the rooms.'),
});

export type ConnectionStatus = z.infer<typeof status>;
export type LivekitStats = z.infer<typeof stats>;
export type CreatedRoom = z.infer<typeof created>;
export type RoomChoices = z.infer<typeof roomChoices>;

namedSchemas.add(createOrder, { id: 'LivekitRoomOrder' });
namedSchemas.add(joinOrder, { id: 'LivekitJoinOrder' });
namedSchemas.add(endOrder, { id: 'LivekitEndOrder' });
namedSchemas.add(created, { id: 'LivekitRoom' });
namedSchemas.add(status, { id: 'LivekitConnection' });
namedSchemas.add(stats, { id: 'LivekitStats' });

const ACCESS = { admin: 'admin', public: 'anybody' } as const;
const REFUSED = {
  429: ['NO_MORE_CALLS', 'RATE_LIMITED', 'LIVEKIT_TENANT_FULL'],
  502: ['LIVEKIT_REFUSED'],
  503: ['NO_MORE_CALLS', 'LIVEKIT_UNREACHABLE', 'LIVEKIT_UNAVAILABLE', 'LIVEKIT_WORKER_FAILED'],
};

/** Described by whether anybody may create rooms, or operators alone. */
export const livekitRoutes = (access: 'admin' | 'public') =>
  ({
    create: {
      method: 'POST',
      url: '/livekit/create-room',
      operationId: 'createLivekitRoom',
      summary: "Makes a room at LiveKit's server, brings the agent into it, and gives a token for a participant.",
      body: createOrder,
      success: { status: 200, body: created },
      errors: { 403: ['ORIGIN_REFUSED', 'LIVEKIT_FORBIDDEN'], 404: ['PROMPT_UNKNOWN'], ...REFUSED },
      access: ACCESS[access],
    },
    join: {
      method: 'POST',
      url: '/livekit/join-room',
      operationId: 'joinLivekitRoom',
      summary: 'Brings the agent into a room that there is; where it is already, the same connection is answered.',
      body: joinOrder,
      success: { status: 200, body: created },
      errors: {
        403: ['ORIGIN_REFUSED', 'LIVEKIT_FORBIDDEN'],
        404: ['LIVEKIT_ROOM_UNKNOWN', 'PROMPT_UNKNOWN'],
        409: ['LIVEKIT_CLOSING', 'LIVEKIT_ROOM_OVER'],
        ...REFUSED,
      },
      access: ACCESS[access],
    },
    end: {
      method: 'POST',
      url: '/livekit/end-call',
      operationId: 'endLivekitCall',
      summary:
        'Ends the call and deletes the room; answers when all of it is gone. Repeated it changes nothing, and tells, asked of the process that had it, whether a room that could not be deleted at once is gone.',
      body: endOrder,
      success: { status: 200, body: status },
      errors: {
        403: ['ORIGIN_REFUSED'],
        404: ['LIVEKIT_CONNECTION_UNKNOWN'],
        502: ['LIVEKIT_REFUSED'],
        503: ['LIVEKIT_UNREACHABLE'],
      },
      access: ACCESS[access],
    },
    status: {
      method: 'GET',
      url: '/livekit/connection-status/:id',
      operationId: 'livekitConnectionStatus',
      summary: 'How a connection is; for ten minutes after its end, too.',
      params: z.object({ id: connectionId }),
      success: { status: 200, body: status },
      errors: { 403: ['ORIGIN_REFUSED'], 404: ['LIVEKIT_CONNECTION_UNKNOWN'] },
      access: ACCESS[access],
    },
    stats: {
      method: 'GET',
      url: '/livekit/stats',
      operationId: 'livekitStats',
      summary: 'Rooms, people and workers now, and how many there were.',
      success: { status: 200, body: stats },
      errors: {},
    },
  }) as const satisfies Record<string, RouteDefinition>;

/** A language in the one spelling of it; undefined for none. */
export function languageOf(tag: string | null | undefined): string | undefined {
  return tag ? Intl.getCanonicalLocales(tag)[0] : undefined;
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1 && new Intl.Locale(tag).language.length <= 3;
  } catch {
    return false;
  }
}
