import { z } from 'zod';
import type { Clock } from '../../call/clock.ts';
import { CONVERSATION_MOST } from '../../call/info.ts';
import type { Log } from '../../call/leg.ts';
import type { AdminOptions } from '../../http/admin.ts';
import { ApiError } from '../../http/api-error.ts';
import type { RouteDefinition } from '../../http/route.ts';
import type { HttpServer } from '../../http/server.ts';
import type { OperatorSessions } from '../../http/sessions.ts';
import { BEARER_PREFIX } from '../../http/socket-access.ts';
import type { EventHub } from '../hub.ts';
import type { WatchOptions } from '../watcher.ts';

/** What both kinds of connection to the stream of events share: who is taken, and what a reader may ask for. */

export const EVENTS_PATH = '/events';
/** The subprotocol of the stream, the one that the server selects. */
export const EVENTS_PROTOCOL = 'voicebridge.events.v1';

export interface EventsRouteOptions {
  readonly http: HttpServer;
  readonly hub: EventHub;
  readonly admin: AdminOptions;
  readonly sessions: OperatorSessions;
  /** Where pages of ours come from besides the host that was asked. */
  readonly publicUrl: string | undefined;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'debug'>;
  /** A reader came, or went. */
  readonly watching: (via: 'ws' | 'sse', change: 1 | -1) => void;
}

const eventId = z.string().regex(/^[0-9a-z]{1,64}$/, 'must be the id of an event');
const switched = z.enum(['0', '1']);
const query = z.object({
  call: z.string().min(1).max(200).optional().describe("One call's events alone."),
  conversation: z.string().min(1).max(CONVERSATION_MOST).optional().describe("One conversation's events alone."),
  after: eventId
    .optional()
    .describe(
      'Begins with a replay of what came after this event; 0: of all there is. Without it only what is to come.',
    ),
  levels: switched.default('0').describe('1: level meters too.'),
  transient: switched.default('1').describe('0: without events that later ones replace.'),
});

/** The stream as the OpenAPI document has it, both ways to it in one operation. */
export const eventsRoute = {
  method: 'GET',
  url: EVENTS_PATH,
  operationId: 'watchEvents',
  summary:
    'What happens in all calls, live: as server-sent events, or as a WebSocket where an upgrade is asked for. docs/events.md has the messages.',
  query,
  headers: {
    'Last-Event-ID': 'Server-sent events: the last event that was seen; it wins over `after`.',
    'Sec-WebSocket-Protocol': `WebSocket: \`${EVENTS_PROTOCOL}\`, and where no Authorization can be sent \`${BEARER_PREFIX}\` and the token in base64url.`,
  },
  success: { status: 200, types: ['text/event-stream'] },
  also: { 101: 'The WebSocket, one text message of JSON an event.' },
  errors: { 403: ['ORIGIN_REFUSED'], 503: ['WATCHERS_TOO_MANY'] },
} as const satisfies RouteDefinition;

/** What a reader wants. `lastEventId`: what a reader that comes back has seen; it is later than what its address says. Throws REQUEST_INVALID. */
export function watchOptions(asked: unknown, lastEventId?: string | undefined): WatchOptions {
  const parsed = query.safeParse({
    ...(asked as object),
    ...(lastEventId === undefined || lastEventId === '' ? {} : { after: lastEventId }),
  });
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    throw new ApiError(400, 'REQUEST_INVALID', 'the query is wrong', { details: { issues } });
  }
  const { call, conversation, after, levels, transient } = parsed.data;
  return {
    callId: call,
    conversationId: conversation,
    after,
    levels: levels === '1',
    transient: transient === '1',
  };
}

/** Throws WATCHERS_TOO_MANY. */
export function admitWatcher(hub: EventHub): void {
  if (!hub.isFull) return;
  throw new ApiError(503, 'WATCHERS_TOO_MANY', 'too many read the events already', {
    headers: { 'retry-after': '10' },
  });
}
