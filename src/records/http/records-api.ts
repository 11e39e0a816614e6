import type { FastifyPluginAsync } from 'fastify';
import { BridgeError } from '../../errors.ts';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import type { CallRecord } from '../call-record.ts';
import type { RecordCursor, RecordStore } from '../store.ts';
import { type RecordView, recordRoutes } from './records-api-routes.ts';

export interface RecordsApiOptions {
  readonly admin: AdminOptions;
  readonly store: Pick<RecordStore, 'list' | 'get' | 'events' | 'remove'>;
  /** Removes what is held of calls outside of the store: recordings, events in memory, webhooks that wait. */
  readonly forget: (callIds: readonly string[]) => Promise<void>;
}

/** `/records`: what was kept of calls, for operators. What is waiting on disk while the store is down is not found here until it is stored. */
export const recordsApi: FastifyPluginAsync<RecordsApiOptions> = async (app, { admin, store, forget }) => {
  answerErrors(app);
  app.addHook('onRequest', adminGuard(admin));
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  const { listRecords, getRecord, removeRecord } = recordRoutes;

  app.get(listRecords.url, { config: { describes: listRecords } }, async (request) => {
    const { cursor, active, since, until, limit, ...filters } = checked(listRecords.query, request.query, 'query');
    const found = await asked(
      store.list({
        ...filters,
        active: active === undefined ? undefined : active === 'true',
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        before: cursor === undefined ? undefined : readCursor(cursor),
        // One more tells whether there is another page.
        limit: limit + 1,
      }),
    );
    const records = found.slice(0, limit);
    const last = records.at(-1);
    return {
      records: records.map(recordViewOf),
      next: found.length > limit && last !== undefined ? writeCursor(last) : null,
    };
  });

  app.get(getRecord.url, { config: { describes: getRecord } }, async (request) => {
    const { id } = checked(getRecord.params, request.params, 'path');
    const { after, limit } = checked(getRecord.query, request.query, 'query');
    const record = await asked(store.get(id));
    if (record === undefined) throw unknown();
    const found = await asked(store.events(id, after, limit + 1));
    const events = found.slice(0, limit).map(({ transient: _, ...event }) => event);
    return {
      record: recordViewOf(record),
      events,
      next: found.length > limit ? (events.at(-1)?.id ?? null) : null,
    };
  });

  app.delete(removeRecord.url, { config: { describes: removeRecord } }, async (request, reply) => {
    const { id } = checked(removeRecord.params, request.params, 'path');
    const record = await asked(store.get(id));
    if (record === undefined) throw unknown();
    if (record.endedAt === null) throw new ApiError(409, 'RECORD_OPEN', 'the call goes on');
    // The record last: whatever breaks in between, asking again removes the rest.
    await forget([id]);
    if (!(await asked(store.remove(id)))) throw unknown();
    request.log.info({ callId: id }, 'the record of a call was removed by an operator');
    return reply.code(204).send();
  });
};

const unknown = () => new ApiError(404, 'RECORD_UNKNOWN', 'there is no record of such a call');

/** What the store answers; that it cannot is the store's matter and passes, so the request may be repeated. */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof BridgeError) || error.code !== 'STORE_UNAVAILABLE') throw error;
    throw new BridgeError(error.code, error.message, {
      status: 503,
      retryable: true,
      retryAfterMs: 5_000,
      cause: error,
    });
  }
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export function recordViewOf(record: CallRecord): RecordView {
  const { lastAt: _, lastOffsetMs: __, startedAt, answeredAt, endedAt, ...rest } = record;
  return {
    ...rest,
    startedAt: new Date(startedAt).toISOString(),
    answeredAt: iso(answeredAt),
    endedAt: iso(endedAt),
    usage: { ...record.usage },
  };
}

function writeCursor({ startedAt, id }: RecordCursor): string {
  return Buffer.from(`${startedAt} ${id}`).toString('base64url');
}

/** Throws REQUEST_INVALID (400) for what is no cursor of ours. */
function readCursor(cursor: string): RecordCursor {
  const [, startedAt = '', id = ''] =
    /^(\d{1,15}) ([A-Za-z0-9-]{1,100})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (id === '') throw new ApiError(400, 'REQUEST_INVALID', 'the cursor is none that was given out');
  return { startedAt: Number(startedAt), id };
}
