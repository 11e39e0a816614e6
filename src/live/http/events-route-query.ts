import { z } from 'zod';
import type { Clock } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import type { AdminOptions } from '../../http/admin.ts';
import { ApiError } from '../../http/api-error.ts';
import type { HttpServer } from '../../http/server.ts';
import type { EventHub } from '../hub.ts';
import type { WatchOptions } from '../watcher.ts';

/** What both kinds of connection to the stream of events share: who is taken, and what a reader may ask for. */

export const EVENTS_PATH = '/events';

export interface EventsRouteOptions {
  readonly http: HttpServer;
  readonly hub: EventHub;
  readonly admin: AdminOptions;
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
  call: z.string().min(1).max(200).optional(),
  conversation: z.string().min(1).max(200).optional(),
  after: eventId.optional(),
  levels: switched.default('0'),
  transient: switched.default('1'),
});

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
