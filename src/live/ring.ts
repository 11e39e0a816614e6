import type { RecordedEvent } from '../records/event.ts';
import type { EventFilter } from './replay.ts';

/** What an event weighs besides its texts, characters. */
const BASE_WEIGHT = 300;

/** An event as the live stream keeps it. Its message is written once, when the first reader wants it, for all readers. */
export class LiveEvent {
  readonly event: RecordedEvent;
  readonly conversationId: string | undefined;
  /** About how many characters it is, for the bound of what is kept. */
  readonly weight: number;
  #message: string | undefined;

  constructor(event: RecordedEvent, conversationId: string | undefined) {
    this.event = event;
    this.conversationId = conversationId;
    this.weight = BASE_WEIGHT;
    for (const value of Object.values(event.data)) if (typeof value === 'string') this.weight += value.length;
  }

  get message(): string {
    this.#message ??= JSON.stringify({ kind: 'event', event: this.event });
    return this.#message;
  }

  matches({ callId, conversationId }: EventFilter): boolean {
    return (
      (callId === undefined || this.event.callId === callId) &&
      (conversationId === undefined || this.conversationId === conversationId)
    );
  }
}

export interface RingLimits {
  /** Most events that are kept. */
  readonly events: number;
  /** Most characters of them, about. */
  readonly characters: number;
}

/** The last events, in the order of their ids, for readers that were away for a moment. */
export class EventRing {
  readonly #limits: RingLimits;
  /** Kept events are those from `#first` on; what is before it is cut off now and then. */
  #events: LiveEvent[] = [];
  #first = 0;
  #weight = 0;
  #floor: string;
  #newest: string | undefined;

  /** `floor`: an id before that of any event to come. */
  constructor(limits: RingLimits, floor: string) {
    this.#limits = limits;
    this.#floor = floor;
  }

  /** Every event of this process after this id is kept; what came before is not. */
  get floor(): string {
    return this.#floor;
  }

  /** Id of the last event, or the floor when there was none. */
  get newest(): string {
    return this.#newest ?? this.#floor;
  }

  get size(): number {
    return this.#events.length - this.#first;
  }

  push(event: LiveEvent): void {
    this.#events.push(event);
    this.#newest = event.event.id;
    this.#weight += event.weight;
    while (this.size > this.#limits.events || (this.#weight > this.#limits.characters && this.size > 1)) {
      const oldest = this.#events[this.#first++]!;
      this.#weight -= oldest.weight;
      this.#floor = oldest.event.id;
    }
    // Moving the array for each event that falls out would cost its length each time.
    if (this.#first > 1_024 && this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Puts an event where its id belongs, if it is not too old to be kept. */
  insert(event: LiveEvent): void {
    const { id } = event.event;
    if (id > this.newest) this.push(event);
    else if (id > this.#floor) {
      this.#events.splice(this.#indexAfter(id), 0, event);
      this.#weight += event.weight;
    }
  }

  /** Forgets all, and keeps from now on what comes after this id. */
  reset(floor: string): void {
    this.#events = [];
    this.#first = 0;
    this.#weight = 0;
    this.#floor = floor;
    this.#newest = undefined;
  }

  /** What came up to this id may not be all that there was. */
  raise(floor: string): void {
    if (floor <= this.#floor) return;
    const kept = this.after(floor, Number.POSITIVE_INFINITY);
    const newest = this.#newest;
    this.reset(floor);
    for (const event of kept) this.push(event);
    if (newest !== undefined && newest > floor) this.#newest = newest;
  }

  /** Drops all events of these calls. What readers were told of them is not taken back. */
  forget(callIds: ReadonlySet<string>): void {
    const kept = this.#events.slice(this.#first).filter(({ event }) => !callIds.has(event.callId));
    if (kept.length === this.size) return;
    this.#events = kept;
    this.#first = 0;
    this.#weight = kept.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** At most `limit` events after this id, the oldest first. */
  after(id: string, limit: number): readonly LiveEvent[] {
    const low = this.#indexAfter(id);
    return this.#events.slice(low, low + limit);
  }

  #indexAfter(id: string): number {
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.event.id <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
