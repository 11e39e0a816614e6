import type { AgentEvent, CallEvent, CallerEvent, OperatorEvent, Pace, ToolEvent } from '../call/events.ts';

/**
 * What is kept and shown of a call's events: one flat, JSON-safe record each, made once and handed to all who watch (the store, the live
 * stream, webhooks), so that they agree on its id.
 */
export interface RecordedEvent {
  /** Sorts by time over all processes and is never given twice: a store that gets it twice keeps it once, a reader asks for what came after it. */
  readonly id: string;
  readonly callId: string;
  /** 0, 1, 2, … within the call. */
  readonly seq: number;
  /** Wall time, ms since 1970. */
  readonly at: number;
  /** Ms since the call began, by a clock that is never set back. */
  readonly offsetMs: number;
  /** What happened: "call_started", "barge_in", or "agent.transcript", "caller.dtmf", "tool.tool_started" for an event of a part. */
  readonly type: string;
  /** The event's own fields without `type`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Worth showing while it happens and not worth keeping: a piece of a transcript that a final one replaces. */
  readonly transient: boolean;
}

/** An event as it is recorded: its own fields under its type, which a part's event has behind the part's name. */
type Flat<E extends { readonly type: string }, Part extends string = ''> = E extends unknown
  ? { readonly type: `${Part}${E['type']}`; readonly data: Readonly<Omit<E, 'type' | 'pace'>> }
  : never;

/** Every type there is, each with its fields: what `flatten` makes, for who reads it. */
export type FlatEvent =
  | Flat<Exclude<CallEvent, { type: 'caller' | 'agent' | 'tool' | 'operator' }>>
  | Flat<CallerEvent, 'caller.'>
  | Flat<AgentEvent, 'agent.'>
  | Flat<ToolEvent, 'tool.'>
  | Flat<OperatorEvent, 'operator.'>;

/** A recorded event of a type that is known. What older versions wrote may lack fields. */
export type KnownEvent = Omit<RecordedEvent, 'type' | 'data'> & FlatEvent;

/** Gets every recorded event of every call of this process. Told, never asked; must not throw or wait. */
export interface RecordSink {
  onRecord(event: RecordedEvent): void;
}

/** Digits of an id that are its time: enough until the year 5188. */
const TIME_DIGITS = 9;

/** How far ahead of this machine's clock another's may be and still be followed, ms. */
const AHEAD_MOST_MS = 3_600_000;

/** Gives ids that sort by time: milliseconds, a counter within them, and what tells this process from others. */
export class EventIds {
  readonly #wall: () => number;
  readonly #process: string;
  #ms = 0;
  #n = 0;
  /** By how much the fastest clock of the fleet is ahead of ours, as far as we saw, ms. */
  #aheadMs = 0;

  /** `instance`: letters and digits that no other process of this fleet has. */
  constructor(wall: () => number, instance: string) {
    this.#wall = wall;
    this.#process = instance;
  }

  /** Sorts before every id of this moment (ms since 1970) and after all earlier ones. */
  static at(ms: number): string {
    return Math.floor(ms).toString(36).padStart(TIME_DIGITS, '0');
  }

  /** The moment of an id, ms since 1970. */
  static timeOf(id: string): number {
    return Number.parseInt(id.slice(0, TIME_DIGITS), 36);
  }

  /**
   * Whatever is given from now on sorts behind this id, another process's: so that readers of all see what they know of in one order, whoever's clock is wrong.
   * Ours goes on with that one's from here: else what happens here some time after the other's last word would sort before what it gave since.
   */
  after(id: string): void {
    const ms = EventIds.timeOf(id) + 1;
    // A clock that is this far off is nothing to go by: every later id of the fleet would be as far off for good.
    const aheadMs = ms - Math.floor(this.#wall());
    if (!(ms > this.#ms) || aheadMs > AHEAD_MOST_MS) return;
    this.#aheadMs = Math.max(this.#aheadMs, aheadMs);
    this.#ms = ms;
    this.#n = 0;
  }

  next(): string {
    // A wall clock that is set back must not give ids that sort before those already given.
    const now = Math.max(this.#ms, Math.floor(this.#wall()) + this.#aheadMs);
    this.#n = now === this.#ms ? this.#n + 1 : 0;
    this.#ms = now;
    return `${EventIds.at(now)}${this.#n.toString(36).padStart(4, '0')}${this.#process}`;
  }
}

/** The flat type and data of a call's event. */
export function flatten(event: CallEvent): Pick<RecordedEvent, 'type' | 'data' | 'transient'> {
  if (event.type === 'caller' || event.type === 'agent' || event.type === 'tool' || event.type === 'operator') {
    // The pace is for whoever acts on it at once; of the record it is no part, since the transport says as much.
    const { type, pace: _, ...data }: { readonly type: string; readonly pace?: Pace } = event.event;
    const transient = event.event.type === 'transcript' && !event.event.final;
    return { type: `${event.type}.${type}`, data, transient };
  }
  const { type, ...data } = event;
  return { type, data, transient: false };
}
