import type { CallRecord } from './call-record.ts';
import type { RecordedEvent } from './event.ts';
import { countedSql } from './figures.ts';
import type { Statement, Value } from './statement.ts';
import type { EventRange, RecordQuery } from './store.ts';
import { askedWords } from './words.ts';

/** How records lie in tables: the same columns in every database, so that an operator's query works on each. */

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
  tenant_id: 'tenantId',
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
  slowest_answer_ms: 'slowestAnswerMs',
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
  'slowest_answer_ms',
  'cost',
]);
const DETAILS = [
  'continues',
  'transports',
  'usage',
  'counters',
  'recording',
  'answers',
  'after',
] as const satisfies ReadonlyArray<keyof CallRecord>;

/** All columns, in the order of `recordValues`; the last, `detail`, is JSON. */
export const recordColumns: readonly string[] = [...Object.keys(COLUMNS), 'detail'];

export function recordValues(record: CallRecord): Value[] {
  const detail = Object.fromEntries(DETAILS.map((name) => [name, record[name]]));
  return [...Object.values(COLUMNS).map((field) => record[field] as Value), JSON.stringify(detail)];
}

/** Reads a row back. Databases give large numbers as text and JSON as text or as an object. */
export function recordOf(row: Row): CallRecord {
  // Rows that an older version wrote do not say it.
  const record: Record<string, unknown> = { continues: null, answers: [], after: null };
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

/** The name of a tool that was run, where the event says so. */
export function toolOf({ type, data }: RecordedEvent): string | undefined {
  const { name } = data;
  return type === 'tool.tool_started' && typeof name === 'string' ? name : undefined;
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** The statement of a range of events. */
export function rangeStatement({ callId, conversationId, after, until, limit }: EventRange): Statement {
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

/** The types of events that hold what was said, typed, or written of a call: what a search looks at. */
const WORDY = ['agent.transcript', 'caller.text', 'call_summarized'];

/** The statement of what was said in some calls. */
export function spokenStatement(callIds: readonly string[], limit: number): Statement {
  const places = (list: readonly string[]) => list.map(() => '?').join(', ');
  return {
    sql: `SELECT * FROM call_events WHERE call_id IN (${places(callIds)}) AND type IN (${places(WORDY)})
      ORDER BY call_id, id LIMIT ?`,
    values: [...callIds, ...WORDY, limit],
  };
}

/** The statement of a list. */
export function listStatement(query: RecordQuery, search: WordSearch): Statement {
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
  if (query.prompt !== undefined) add('prompt = ?', query.prompt);
  if (query.route !== undefined) add('route = ?', query.route);
  if (query.carrier !== undefined) add('carrier = ?', query.carrier);
  if (query.tool !== undefined) add('id IN (SELECT call_id FROM call_tools WHERE name = ?)', query.tool);
  if (query.slowMs !== undefined) add('slowest_answer_ms >= ?', query.slowMs);
  if (query.interrupted === true) add('barge_ins > 0');
  if (query.failed === true) add("result <> 'success'");
  if (query.counted === true) add(countedSql('reason'));
  if (query.costFrom !== undefined) add('cost >= ?', query.costFrom);
  if (query.result !== undefined) add('result = ?', query.result);
  if (query.reason !== undefined) add('reason = ?', query.reason);
  if (query.conversationId !== undefined) add('conversation_id = ?', query.conversationId);
  if (query.tenantId !== undefined) add('tenant_id = ?', query.tenantId);
  if (query.active !== undefined) add(query.active ? 'ended_at IS NULL' : 'ended_at IS NOT NULL');
  if (query.since !== undefined) add('started_at >= ?', query.since);
  if (query.until !== undefined) add('started_at < ?', query.until);
  if (query.before !== undefined) add('(started_at, id) < (?, ?)', query.before.startedAt, query.before.id);
  values.push(query.limit);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT * FROM call_records${where} ORDER BY started_at DESC, id DESC LIMIT ?`, values };
}
