import type { CallRecord } from './call-record.ts';
import type { RecordedEvent } from './event.ts';
import type { EventRange, RecordQuery } from './store.ts';
import { askedWords } from './words.ts';

/** How records lie in tables: the same columns in every database, so that an operator's query works on each. */

type Value = string | number | null;
type Row = Readonly<Record<string, unknown>>;

/** Columns of `call_records` whose value is a text or a number, each with the field it holds. */
const COLUMNS = {
  id: 'id',
  instance: 'instance',
  direction: 'direction',
  carrier: 'carrier',
  carrier_call_id: 'carrierCallId',
  from_number: 'from',
  to_number: 'to',
  caller_kind: 'callerKind',
  route: 'route',
  prompt: 'prompt',
  model: 'model',
  conversation_id: 'conversationId',
  started_at: 'startedAt',
  answered_at: 'answeredAt',
  ended_at: 'endedAt',
  duration_ms: 'durationMs',
  result: 'result',
  reason: 'reason',
  last_at: 'lastAt',
  last_offset_ms: 'lastOffsetMs',
  events: 'events',
  turns: 'turns',
  barge_ins: 'bargeIns',
  tool_calls: 'toolCalls',
  cost: 'cost',
  currency: 'currency',
} as const satisfies Record<string, keyof CallRecord>;

const NUMBERS = new Set<string>([
  'started_at',
  'answered_at',
  'ended_at',
  'duration_ms',
  'last_at',
  'last_offset_ms',
  'events',
  'turns',
  'barge_ins',
  'tool_calls',
  'cost',
]);
const DETAILS = ['transports', 'usage', 'counters', 'recording'] as const satisfies ReadonlyArray<keyof CallRecord>;

/** All columns, in the order of `recordValues`; the last, `detail`, is JSON. */
export const recordColumns: readonly string[] = [...Object.keys(COLUMNS), 'detail'];

export function recordValues(record: CallRecord): Value[] {
  const detail = Object.fromEntries(DETAILS.map((name) => [name, record[name]]));
  return [...Object.values(COLUMNS).map((field) => record[field] as Value), JSON.stringify(detail)];
}

/** Reads a row back. Databases give large numbers as text and JSON as text or as an object. */
export function recordOf(row: Row): CallRecord {
  const record: Record<string, unknown> = {};
  for (const [column, field] of Object.entries(COLUMNS)) {
    const value = row[column] ?? null;
    record[field] = value !== null && NUMBERS.has(column) ? Number(value) : value;
  }
  return { ...record, ...(parsed(row['detail']) as object) } as unknown as CallRecord;
}

/** Columns of `call_events`, in the order of `eventValues`; the last is JSON. */
export const eventColumns: readonly string[] = ['call_id', 'id', 'seq', 'at', 'offset_ms', 'type', 'data'];

export function eventValues(event: RecordedEvent): Value[] {
  const { callId, id, seq, at, offsetMs, type, data } = event;
  return [callId, id, seq, Math.round(at), offsetMs, type, JSON.stringify(data)];
}

export function eventOf(row: Row): RecordedEvent {
  return {
    id: String(row['id']),
    callId: String(row['call_id']),
    seq: Number(row['seq']),
    at: Number(row['at']),
    offsetMs: Number(row['offset_ms']),
    type: String(row['type']),
    data: parsed(row['data']) as Record<string, unknown>,
    transient: false,
  };
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** The statement of a range of events, with `?` for values. */
export function rangeStatement({ callId, conversationId, after, until, limit }: EventRange): {
  sql: string;
  values: Value[];
} {
  const conditions = ['id > ?', 'id <= ?'];
  const values: Value[] = [after, until];
  if (callId !== undefined) {
    conditions.push('call_id = ?');
    values.push(callId);
  }
  if (conversationId !== undefined) {
    conditions.push('call_id IN (SELECT id FROM call_records WHERE conversation_id = ?)');
    values.push(conversationId);
  }
  values.push(limit);
  return { sql: `SELECT * FROM call_events WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`, values };
}

/** A database's way to ask whether a call has a word that begins like this: a condition with one `?`, and its value. */
export interface WordSearch {
  readonly condition: string;
  readonly value: (word: string) => string;
}

/** The statement of a list, with `?` for values. */
export function listStatement(query: RecordQuery, search: WordSearch): { sql: string; values: Value[] } {
  const conditions: string[] = [];
  const values: Value[] = [];
  const add = (condition: string, ...given: Value[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (query.text !== undefined) {
    const words = askedWords(query.text);
    // Nothing but punctuation is nowhere.
    if (words.length === 0 && query.text.trim() !== '') add('1 = 0');
    for (const word of words) add(search.condition, search.value(word));
  }
  if (query.number !== undefined) {
    const digits = query.number.replace(/\D/g, '');
    if (query.number.includes(':')) add('(from_number = ? OR to_number = ?)', query.number, query.number);
    else if (query.number.startsWith('+')) add('(from_number = ? OR to_number = ?)', `+${digits}`, `+${digits}`);
    // Numbers alone: an identity may end in the same digits.
    else add('(from_number LIKE ? OR to_number LIKE ?)', `+%${digits}`, `+%${digits}`);
  }
  if (query.callerKind !== undefined) add('caller_kind = ?', query.callerKind);
  if (query.result !== undefined) add('result = ?', query.result);
  if (query.reason !== undefined) add('reason = ?', query.reason);
  if (query.conversationId !== undefined) add('conversation_id = ?', query.conversationId);
  if (query.active !== undefined) add(query.active ? 'ended_at IS NULL' : 'ended_at IS NOT NULL');
  if (query.since !== undefined) add('started_at >= ?', query.since);
  if (query.until !== undefined) add('started_at < ?', query.until);
  if (query.before !== undefined) add('(started_at, id) < (?, ?)', query.before.startedAt, query.before.id);
  values.push(query.limit);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT * FROM call_records${where} ORDER BY started_at DESC, id DESC LIMIT ?`, values };
}
