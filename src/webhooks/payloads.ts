import { addEvent, type CallRecord, newRecord } from '../records/call-record.ts';
import type { PriceList } from '../records/costs.ts';
import type { RecordedEvent } from '../records/event.ts';
import type { Delivery, WebhookEvent } from './delivery.ts';

interface Known {
  readonly record: CallRecord;
  /** Arguments of the tool calls that go on, by their id. */
  readonly asked: Map<string, unknown>;
}

/**
 * Makes the messages of webhooks from recorded events. Each has the id of its event, so a receiver that gets one twice knows it. It keeps
 * the record of each call that goes on: the summary at its end.
 */
export class Payloads {
  readonly #wanted: ReadonlySet<WebhookEvent>;
  readonly #prices: PriceList;
  readonly #instance: string;
  readonly #calls = new Map<string, Known>();

  constructor(options: { wanted: readonly WebhookEvent[]; prices: PriceList; instance: string }) {
    this.#wanted = new Set(options.wanted);
    this.#prices = options.prices;
    this.#instance = options.instance;
  }

  /** The message of this event, if it has one. */
  of(event: RecordedEvent): Delivery | undefined {
    if (event.transient) return undefined;
    const { type, data, callId } = event;
    // Its call is over, and nothing is kept of it any more.
    if (type === 'call_summarized') return this.#message('call.summarized', event, { callId, ...data });
    const call = this.#calls.get(callId) ?? { record: newRecord(callId, this.#instance, event), asked: new Map() };
    this.#calls.set(callId, call);
    addEvent(call.record, event, this.#prices);
    switch (type) {
      case 'call_started':
        // Its beginning was told by the instance that prepared it.
        if ((data['info'] as { takenFrom?: string } | undefined)?.takenFrom !== undefined) return undefined;
        return this.#message('call.started', event, started(call.record));
      case 'agent.tool_call':
        call.asked.set(String(data['toolCallId']), parsed(data['arguments']));
        return undefined;
      case 'tool.tool_finished': {
        const id = String(data['toolCallId']);
        const tool = { callId, ...data, arguments: call.asked.get(id) ?? null };
        call.asked.delete(id);
        return this.#message('tool.called', event, tool);
      }
      case 'call_moved':
        this.#calls.delete(callId);
        return undefined;
      case 'call_ended':
        this.#calls.delete(callId);
        return this.#message('call.ended', event, summary(call.record));
      default:
        return undefined;
    }
  }

  /** The message of something that is no call's, if it is wanted. `at`: wall time, ms. */
  notice(name: WebhookEvent, id: string, at: number, data: object): Delivery | undefined {
    return this.#message(name, { id, at }, data);
  }

  #message(name: WebhookEvent, { id, at }: Pick<RecordedEvent, 'id' | 'at'>, data: object): Delivery | undefined {
    if (!this.#wanted.has(name)) return undefined;
    const body = JSON.stringify({ type: name, id: `evt_${id}`, timestamp: new Date(at).toISOString(), data });
    return { id: `evt_${id}`, event: name, at, body };
  }
}

/** A moment as the payloads have it: ISO 8601, UTC. */
const moment = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function started(record: CallRecord) {
  const { id, direction, carrier, carrierCallId, from, to, callerKind, route, prompt, model } = record;
  return {
    callId: id,
    direction,
    carrier,
    carrierCallId,
    from,
    to,
    callerKind,
    route,
    prompt,
    model,
    conversationId: record.conversationId,
    tenantId: record.tenantId,
    startedAt: moment(record.startedAt),
  };
}

function summary(record: CallRecord) {
  const { answeredAt, endedAt, durationMs, result, reason, turns, bargeIns, toolCalls, transports, usage } = record;
  return {
    ...started(record),
    answeredAt: moment(answeredAt),
    endedAt: moment(endedAt),
    durationMs: durationMs === null ? null : Math.round(durationMs),
    result,
    reason,
    turns,
    bargeIns,
    toolCalls,
    transports,
    usage,
    cost: record.cost,
    currency: record.currency,
    counters: record.counters,
    recording: record.recording,
  };
}

/** A tool's arguments as an object, where the model wrote JSON. */
function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}
