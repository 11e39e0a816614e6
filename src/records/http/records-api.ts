import { Readable } from 'node:stream';
import type { FastifyPluginAsync } from 'fastify';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import type { CallRecord } from '../call-record.ts';
import type { ReadableRecords } from '../fleet-records.ts';
import { hitsOf } from '../hits.ts';
import type { RecordCursor } from '../store.ts';
import { asked } from './asked.ts';
import { csvOf, exported, jsonOf } from './export.ts';
import { queryOf } from './record-filters.ts';
import { recordViewOf } from './record-view.ts';
import { EXPORT_TYPES, recordRoutes } from './records-api-routes.ts';

export interface RecordsApiOptions {
  readonly admin: AdminOptions;
  readonly store: Pick<ReadableRecords, 'list' | 'get' | 'events' | 'spoken' | 'remove'>;
  /** Removes what is held of calls outside of the store: recordings, events in memory, webhooks that wait. */
  readonly forget: (callIds: readonly string[]) => Promise<void>;
}

/** Lines that are looked through for what a search found on a page. */
const SPOKEN_MOST = 20_000;

/** `/records`: what was kept of calls, for operators. What is waiting on disk while the store is down is not found here until it is stored. */
export const recordsApi: FastifyPluginAsync<RecordsApiOptions> = async (app, { admin, store, forget }) => {
  answerErrors(app);
  app.addHook('onRequest', adminGuard(admin));
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  const { listRecords, exportRecords, getRecord, removeRecord } = recordRoutes;

  app.get(listRecords.url, { config: { describes: listRecords } }, async (request) => {
    const { cursor, limit, ...filters } = checked(listRecords.query, request.query, 'query');
    const before = cursor === undefined ? undefined : readCursor(cursor);
    // One more tells whether there is another page.
    const found = await asked(store.list({ ...queryOf(filters), before, limit: limit + 1 }));
    const records = found.slice(0, limit);
    const last = records.at(-1);
    const hits = await hitsIn(records, filters.text);
    return {
      records: records.map((record) => {
        const hit = hits.get(record.id);
        return { ...recordViewOf(record), ...(hit === undefined ? {} : { hit }) };
      }),
      next: found.length > limit && last !== undefined ? writeCursor(last) : null,
    };
  });

  /** What the search found in each of these. */
  const hitsIn = async (records: readonly CallRecord[], text: string | undefined) => {
    if (text === undefined || records.length === 0) return hitsOf('', []);
    const ids = records.map(({ id }) => id);
    return hitsOf(text, await asked(store.spoken(ids, SPOKEN_MOST)));
  };

  app.get(exportRecords.url, { config: { describes: exportRecords } }, async (request, reply) => {
    const { format, ...filters } = checked(exportRecords.query, request.query, 'query');
    const pages = exported((page) => store.list({ ...queryOf(filters), ...page }));
    // The first page before anything is sent: a store that is away is still told as such.
    const first = await asked(pages.next());
    const text = format === 'csv' ? csvOf(first, pages) : jsonOf(first, pages);
    return reply
      .header('content-disposition', `attachment; filename="calls.${format}"`)
      .type(EXPORT_TYPES[format])
      .send(Readable.from(text));
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
