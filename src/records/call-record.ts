import type { Usage } from '../call/events.ts';
import { termination } from '../call/termination.ts';
import { countDelay, delayOf } from './answer-delays.ts';
import { costOf, type PriceList, priceForm, talkCost } from './costs.ts';
import type { RecordedEvent } from './event.ts';

/** What is told of a call's recording; null: not told (yet). */
export interface RecordingInfo {
  /** How it is known that the people on the line agree. */
  readonly consent: string | null;
  readonly format: string | null;
  readonly durationMs: number | null;
  /** Why it ended. */
  readonly stopped: string | null;
  readonly file: string | null;
  readonly bytes: number | null;
}

/** What a text model made of a call: what its prompt asks for. What the conversation does not tell is null. */
export interface AfterCall {
  readonly summary: string | null;
  readonly outcome: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly model: string | null;
}

/** All that is known of a call at a glance. Moments are ms since 1970; what is not known (yet) is null. */
export interface CallRecord {
  readonly id: string;
  /** The process that has or had the call. */
  instance: string;
  direction: 'inbound' | 'outbound' | null;
  carrier: string | null;
  carrierCallId: string | null;
  from: string | null;
  to: string | null;
  /** Of the person on the line: number, identity or withheld. */
  callerKind: string | null;
  route: string | null;
  prompt: string | null;
  model: string | null;
  conversationId: string | null;
  /** The call that this one goes on from, whose instance was lost. */
  continues: string | null;
  /** Whose call it is, by the label of whoever ordered it. */
  tenantId: string | null;
  startedAt: number;
  /** When the caller's media came. */
  answeredAt: number | null;
  endedAt: number | null;
  durationMs: number | null;
  result: string | null;
  reason: string | null;
  /** Of its last event. */
  lastAt: number;
  lastOffsetMs: number;
  /** How many events are stored of it. */
  events: number;
  /** Turns of the caller: each time that speech was taken as one, and each line that was typed. */
  turns: number;
  bargeIns: number;
  toolCalls: number;
  /** The longest that the caller waited for an answer, ms; null while none was heard. */
  slowestAnswerMs: number | null;
  /** How many answers took how long: see `DELAY_EDGES_MS`. Empty while none was heard. */
  answers: readonly number[];
  /** What the model's tokens, or the minutes of talk with it, cost so far; null when its price is not known. */
  cost: number | null;
  currency: string | null;
  /** Transports to the model, in the order in which they were used. */
  transports: string[];
  usage: Required<Usage>;
  counters: Readonly<Record<string, number>>;
  recording: RecordingInfo | null;
  /** What a text model made of it once it was over. */
  after: AfterCall | null;
}

/** A call of which nothing but this event is known. */
export function newRecord(callId: string, instance: string, event: Pick<RecordedEvent, 'at' | 'offsetMs'>): CallRecord {
  return {
    id: callId,
    instance,
    direction: null,
    carrier: null,
    carrierCallId: null,
    from: null,
    to: null,
    callerKind: null,
    route: null,
    prompt: null,
    model: null,
    conversationId: null,
    continues: null,
    tenantId: null,
    startedAt: Math.round(event.at - event.offsetMs),
    answeredAt: null,
    endedAt: null,
    durationMs: null,
    result: null,
    reason: null,
    lastAt: event.at,
    lastOffsetMs: event.offsetMs,
    events: 0,
    turns: 0,
    bargeIns: 0,
    toolCalls: 0,
    slowestAnswerMs: null,
    answers: [],
    cost: 0,
    currency: null,
    transports: [],
    usage: {
      inputTextTokens: 0,
      inputAudioTokens: 0,
      cachedTokens: 0,
      cachedAudioTokens: 0,
      outputTextTokens: 0,
      outputAudioTokens: 0,
    },
    counters: {},
    recording: null,
    after: null,
  };
}

const LOST = termination('process-lost');
const MOVED = termination('moved');

/** Whether it is what one instance keeps of a call that went on at another, whose record is in a store of its own. */
export const isMoved = ({ reason }: Pick<CallRecord, 'reason'>): boolean => reason === MOVED.reason;

function reopen(record: CallRecord): void {
  record.endedAt = record.durationMs = record.result = record.reason = null;
}

/** Ends the record of a call whose process died: when it was last heard of. */
export function closeAsLost(record: CallRecord): void {
  record.endedAt = record.lastAt;
  record.durationMs = record.lastOffsetMs;
  record.result = LOST.result;
  record.reason = LOST.reason;
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const count = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : 0);
const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** Adds an event that `instance` told to its call's record. Each event must be added once; what is told in which order matters only for the order of transports. */
export function addEvent(record: CallRecord, event: RecordedEvent, prices: PriceList, instance?: string): void {
  // A call that went on elsewhere is lost with whoever has it now, and with nobody else.
  if (
    instance !== undefined &&
    event.type === 'call_started' &&
    text(fields(event.data['info'])['takenFrom']) !== null
  ) {
    record.instance = instance;
    if (record.reason === MOVED.reason) reopen(record);
  }
  // Where the other has told of it here that one's word counts; else its record is elsewhere, and this one is over.
  if (event.type === 'call_moved' && record.instance === instance) {
    record.endedAt = event.at;
    record.durationMs = count(event.data['durationMs']);
    record.result = MOVED.result;
    record.reason = MOVED.reason;
  }
  addToRecord(record, event, prices);
  billTalk(record, prices);
}

function addToRecord(record: CallRecord, event: RecordedEvent, prices: PriceList): void {
  const { type, data, at } = event;
  // A call that was taken for lost and tells something lives: its process was only cut off from the database. What it came to is told of calls that are over.
  if (record.reason === LOST.reason && type !== 'call_summarized') {
    reopen(record);
  }
  record.events++;
  if (event.offsetMs >= record.lastOffsetMs) {
    record.lastAt = at;
    record.lastOffsetMs = event.offsetMs;
  }
  switch (type) {
    case 'call_started': {
      const info = fields(data['info']);
      record.startedAt = at;
      record.direction = data['direction'] === 'outbound' ? 'outbound' : 'inbound';
      record.carrier = text(info['carrier']);
      record.carrierCallId = text(info['carrierCallId']);
      record.from = text(info['from']);
      record.to = text(info['to']);
      record.callerKind = text(info['callerKind']);
      record.route = text(info['route']);
      record.prompt = text(info['prompt']);
      record.model = text(info['model']);
      record.conversationId = text(info['conversationId']);
      record.continues = text(info['continues']);
      record.tenantId = text(info['tenantId']);
      return;
    }
    case 'caller_joined':
      record.answeredAt = Math.min(record.answeredAt ?? at, at);
      return;
    case 'agent.ready': {
      const transport = text(data['transport']);
      if (transport !== null && record.transports.at(-1) !== transport) record.transports.push(transport);
      return;
    }
    case 'agent.speech_stopped':
    case 'caller.text':
      record.turns++;
      return;
    case 'agent.response_done':
      addUsage(record, fields(data['usage']), prices);
      return;
    case 'agent.tool_call':
      record.toolCalls++;
      return;
    case 'barge_in':
      record.bargeIns++;
      return;
    case 'turn': {
      const waitedMs = delayOf(data);
      if (waitedMs === undefined) return;
      record.answers = countDelay(record.answers, waitedMs);
      record.slowestAnswerMs = Math.max(record.slowestAnswerMs ?? 0, waitedMs);
      return;
    }
    case 'call_summarized':
      record.after = {
        summary: text(data['summary']),
        outcome: text(data['outcome']),
        fields: fields(data['fields']),
        model: text(data['model']),
      };
      return;
    case 'call_ended': {
      const end = fields(data['end']);
      record.endedAt = at;
      record.durationMs = count(data['durationMs']);
      record.result = text(end['result']);
      record.reason = text(end['reason']);
      record.counters = fields(data['counters']) as Record<string, number>;
      return;
    }
    default:
      if (type.startsWith('recording_')) addRecording(record, data);
  }
}

/**
 * What a model costs that is billed by the minute: of the time since the caller's media came, to the end or to the last that was heard of the call,
 * transfers within it included. Nobody answered, or the agent never came: nothing.
 */
function billTalk(record: CallRecord, prices: PriceList): void {
  const { answeredAt, startedAt, durationMs, lastOffsetMs, transports } = record;
  // By the clock that nobody sets, but for the moment between start and answer.
  const talkMs = answeredAt === null ? 0 : Math.max(0, (durationMs ?? lastOffsetMs) - (answeredAt - startedAt));
  const cost = talkCost(prices, record.model, transports.length === 0 ? 0 : talkMs);
  if (cost === undefined) return;
  record.cost = rounded(cost);
  record.currency = cost === 0 ? null : prices.currency;
}

/** Rounded so that sums of the same tokens are the same number. */
const rounded = (cost: number): number => Number(cost.toFixed(9));

function addUsage(record: CallRecord, told: Readonly<Record<string, unknown>>, prices: PriceList): void {
  const usage: Record<keyof Usage, number> = { ...record.usage };
  const added: Record<string, number> = {};
  for (const name of Object.keys(usage) as Array<keyof Usage>) {
    // Which of the cached tokens are audio's is not always told; the cost then makes its own guess.
    if (name === 'cachedAudioTokens' && told[name] === undefined) continue;
    added[name] = count(told[name]);
    usage[name] += added[name];
  }
  record.usage = usage;
  if (Object.values(added).every((n) => n === 0)) return;
  if (record.model !== null && priceForm(prices, record.model) === 'minutes') return;
  const cost = costOf(prices, record.model, added as unknown as Usage);
  record.currency = cost === undefined ? record.currency : prices.currency;
  record.cost = cost === undefined || record.cost === null ? null : rounded(record.cost + cost);
}

/** What the recorder tells of its file: each thing when it is known. */
function addRecording(record: CallRecord, data: Readonly<Record<string, unknown>>): void {
  const before = record.recording;
  record.recording = {
    consent: text(data['consent']) ?? before?.consent ?? null,
    format: text(data['format']) ?? before?.format ?? null,
    durationMs: number(data['durationMs']) ?? before?.durationMs ?? null,
    stopped: text(data['reason']) ?? before?.stopped ?? null,
    file: text(data['file']) ?? before?.file ?? null,
    bytes: number(data['bytes']) ?? before?.bytes ?? null,
  };
}

/** What somebody said or typed, or what was written of the call, where the event is that; a transcript when it is final. */
export function spokenText(event: RecordedEvent): string | undefined {
  if (event.type === 'call_summarized') {
    const { summary, outcome, fields: found } = event.data;
    const said = [summary, outcome, ...Object.values(fields(found))].filter((one) => typeof one === 'string');
    return text(said.join(' · ')) ?? undefined;
  }
  if ((event.type !== 'agent.transcript' && event.type !== 'caller.text') || event.transient) return undefined;
  return text(event.data['text']) ?? undefined;
}
