import type { ConnectEvent, StatusEvent, TerminateEvent } from '../events.ts';
import type { PlacedCall } from './placed-call.ts';

/** What webhooks tell of a call that we place. */
export type PlacedEvent = ConnectEvent | StatusEvent | TerminateEvent;

/** Most events that are kept of calls whose id is not known yet: the answer that tells it is on its way. */
const EARLY_MOST = 200;

/**
 * Finds the call that a webhook is about. Webhooks can overtake the answer to our request, which has Meta's id of the call: what comes before it is
 * kept until it is there. An answer that is lost is made up for by what we gave the call with it, our own id, where a webhook repeats it.
 */
export class PlacedBook {
  /** By our id. */
  readonly #calls = new Map<string, PlacedCall>();
  #early: PlacedEvent[] = [];

  add(placed: PlacedCall): void {
    this.#calls.set(placed.order.id, placed);
  }

  get(callId: string): PlacedCall | undefined {
    return this.#calls.get(callId);
  }

  delete(placed: PlacedCall): void {
    this.#calls.delete(placed.order.id);
    if (!this.#isWaiting) this.#early = [];
  }

  /** Undefined for an event of another's call, or of one that is over. */
  of(event: PlacedEvent): PlacedCall | undefined {
    for (const placed of this.#calls.values()) if (placed.id === event.id) return placed;
    const placed = this.#calls.get(event.opaque ?? '');
    if (placed !== undefined && placed.id === undefined) {
      placed.named(event.id);
      return placed;
    }
    const maybeOurs = event.type === 'status' || event.direction !== 'inbound';
    if (maybeOurs && this.#isWaiting && this.#early.length < EARLY_MOST) this.#early.push(event);
    return undefined;
  }

  /** What came of this call before its id was known, in the order in which it came; once. */
  early({ id }: PlacedCall): PlacedEvent[] {
    const events = this.#early.filter((event) => event.id === id);
    this.#early = this.#isWaiting ? this.#early.filter((event) => event.id !== id) : [];
    return events;
  }

  /** Whether there is a call whose id is yet to come. */
  get #isWaiting(): boolean {
    for (const { id } of this.#calls.values()) if (id === undefined) return true;
    return false;
  }
}
