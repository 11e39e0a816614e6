import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../http/route.ts';
import { recordFilters } from './record-filters.ts';

/** The interface for records of calls, as data: requests are checked by it and the OpenAPI document is made of it. */

export const EXPORT_TYPES = { csv: 'text/csv; charset=utf-8', json: 'application/json; charset=utf-8' } as const;

const moment = z.iso.datetime();
const maybe = <T extends z.ZodType>(type: T) => z.union([type, z.null()]);
const text = maybe(z.string());
const count = z.number().int();

export const recordView = z
  .object({
    id: z.string(),
    instance: z.string().describe('The process that has or had the call.'),
    direction: maybe(z.enum(['inbound', 'outbound'])),
    carrier: text,
    carrierCallId: text,
    from: text,
    to: text,
    callerKind: text.describe('Of the person on the line: number, identity, or withheld.'),
    route: text,
    prompt: text,
    model: text,
    conversationId: text,
    continues: text.describe('The call that this one goes on from: its instance was lost, and its caller came back.'),
    tenantId: text.describe('Whose call it is, by the label of whoever ordered it.'),
    startedAt: moment,
    answeredAt: maybe(moment).describe("When the caller's media came."),
    endedAt: maybe(moment).describe('Null while the call goes on.'),
    durationMs: maybe(z.number()),
    result: text.describe('How it ended: success, caller_error, upstream_error, server_error, indeterminate.'),
    reason: text.describe('Why; process-lost: its process died, and the end is the time of its last event.'),
    events: count.describe('How many events are stored.'),
    turns: count.describe('Turns of the caller, spoken and typed.'),
    bargeIns: count,
    toolCalls: count,
    slowestAnswerMs: maybe(z.number()).describe('The longest that the caller waited for an answer.'),
    cost: maybe(z.number()).describe("What the model's tokens cost; null when its price is not known."),
    currency: text,
    transports: z.array(z.string()).describe('Transports to the model, in the order in which they were used.'),
    usage: z.record(z.string(), z.number()).describe('Tokens as the model bills them.'),
    counters: z.record(z.string(), z.number()).describe('What the call counted about itself.'),
    recording: maybe(
      z.object({
        consent: text,
        format: text,
        durationMs: maybe(z.number()),
        stopped: text,
        file: text,
        bytes: maybe(z.number()),
      }),
    ),
    after: maybe(
      z.object({ summary: text, outcome: text, fields: z.record(z.string(), z.unknown()), model: text }),
    ).describe('What a text model made of it once it was over, where its prompt asks for it.'),
  })
  .describe('What is kept of a call.');
export type RecordView = z.infer<typeof recordView>;

export const eventView = z
  .object({
    id: z.string().describe('Sorts by time.'),
    callId: z.string(),
    seq: count,
    at: z.number().describe('Milliseconds since 1970.'),
    offsetMs: z.number().describe('Milliseconds since the call began.'),
    type: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .describe('An event of a call.');

export const hitView = z
  .object({
    eventId: z.string(),
    offsetMs: z.number().describe('Milliseconds since the call began.'),
    role: z.enum(['caller', 'agent', 'operator', 'summary']),
    text: z.string().describe('The words around it.'),
    marks: z.array(z.tuple([count, count])).describe('Beginning and end of each word that was asked for, in `text`.'),
  })
  .describe('Where in a call the words stand that were asked for.');
export const listedRecord = recordView.extend({
  hit: hitView.optional().describe('Where `text` was asked for.'),
});
export const recordList = z.object({
  records: z.array(listedRecord),
  next: text.describe('`cursor` of the next page; null on the last.'),
});
export const recordDetail = z.object({
  record: recordView,
  events: z.array(eventView),
  next: text.describe('`after` of the next page of events; null when there are no more for now.'),
});

const pageCursor = z
  .string()
  .max(300)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be the `next` of a page');

const listQuery = z.strictObject({
  ...recordFilters,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: pageCursor.optional(),
});
const exportQuery = z.strictObject({
  ...recordFilters,
  format: z.enum(['csv', 'json']).default('csv'),
});
const recordId = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9-]{1,100}$/) });
const detailQuery = z.strictObject({
  after: z
    .string()
    .regex(/^[A-Za-z0-9]{1,60}$/, 'must be the id of an event')
    .optional(),
  limit: z.coerce.number().int().min(1).max(5_000).default(1_000),
});

namedSchemas.add(recordView, { id: 'Record' });
namedSchemas.add(eventView, { id: 'CallEvent' });
namedSchemas.add(hitView, { id: 'RecordHit' });
namedSchemas.add(listedRecord, { id: 'ListedRecord' });
namedSchemas.add(recordList, { id: 'RecordList' });
namedSchemas.add(recordDetail, { id: 'RecordDetail' });

const STORE = { 503: ['STORE_UNAVAILABLE'] } as const;

export const recordRoutes = {
  listRecords: {
    method: 'GET',
    url: '/records',
    operationId: 'listRecords',
    summary:
      'Calls that go on and past ones, the newest first: by words said in them, number, prompt, tool, delay, cost, result and time.',
    query: listQuery,
    success: { status: 200, body: recordList },
    errors: STORE,
  },
  exportRecords: {
    method: 'GET',
    url: '/records/export',
    operationId: 'exportRecords',
    summary: 'The records that a search finds, the newest first, as a file: 100,000 at most.',
    query: exportQuery,
    success: { status: 200, types: Object.values(EXPORT_TYPES) },
    errors: STORE,
  },
  getRecord: {
    method: 'GET',
    url: '/records/:id',
    operationId: 'getRecord',
    summary: 'One call with its events, all of them or those after one.',
    params: recordId,
    query: detailQuery,
    success: { status: 200, body: recordDetail },
    errors: { 404: ['RECORD_UNKNOWN'], ...STORE },
  },
  removeRecord: {
    method: 'DELETE',
    url: '/records/:id',
    operationId: 'removeRecord',
    summary:
      'Removes the record of a call that is over, with all that was said in it, its recording, and what else is held of it.',
    params: recordId,
    success: { status: 204 },
    errors: { 404: ['RECORD_UNKNOWN'], 409: ['RECORD_OPEN', 'RECORDING_OPEN'], ...STORE },
  },
} as const satisfies Record<string, RouteDefinition>;
