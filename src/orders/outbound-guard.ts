import { randomUUID } from 'node:crypto';
import type { Clock } from '../call/clock.ts';
import { HELD_MS, HeldLeases } from '../memory/held-leases.ts';
import type { HourLimit } from '../memory/hour-limit.ts';
import type { Lease, MemoryLeases } from '../memory/memory.ts';

/**
 * Who may be called, how often and how many at once: the bounds of what a stolen token or a talked-over model can cost. Refusing is decided
 * before a carrier is asked for anything.
 */

/** Whether a number may be called, with the number in its final form. */
export type MayDial = (
  number: string,
) =>
  | { readonly ok: true; readonly number: string }
  | { readonly ok: false; readonly code: string; readonly reason: string };

/** The policy's decision in these words. */
export function mayDialBy(
  decision:
    | { readonly allowed: true; readonly number: string }
    | { readonly allowed: false; readonly code: string; readonly reason: string },
): ReturnType<MayDial> {
  return decision.allowed
    ? { ok: true, number: decision.number }
    : { ok: false, code: decision.code, reason: decision.reason };
}

export interface OutboundGuardOptions {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly mayDial: MayDial;
  /** How many calls may be begun in an hour. */
  readonly hourly: Pick<HourLimit, 'take'>;
  /** Most calls at once, ringing ones included, of all who share the memory; 0 forbids all. */
  readonly concurrent: number;
  /** Where they are counted. The value of each is the instance that placed the call. */
  readonly leases: MemoryLeases<string>;
  readonly instance: string;
  /** A call whose end is never told gives its place back after this, ms: longer than any call may last. */
  readonly longestMs: number;
}

/** The place of one call among those at once. */
export interface OutboundPlace {
  /** The number in its final form. */
  readonly number: string;
  /** The call is over. Idempotent. */
  release(): void;
  /** The call was never placed, and certainly not: it does not count for the hour either. Idempotent. */
  cancel(): void;
}

export type OutboundDecision =
  | { readonly ok: true; readonly place: OutboundPlace }
  | {
      readonly ok: false;
      /** `destination`: never; the others: not now. */
      readonly limit: 'destination' | 'per_hour' | 'concurrent';
      /** The policy's own code for a destination. */
      readonly code: string;
      /** A sentence without the number. */
      readonly reason: string;
      /** When it may be tried again, ms, where that is known. */
      readonly retryAfterMs?: number;
    };

/** The group of all of them. */
const GROUP = 'orders';

interface Place {
  readonly id: string;
  /** Monotonic ms. */
  readonly at: number;
  readonly leases: ReadonlyArray<Lease<string>>;
}

export class OutboundGuard {
  readonly #o: OutboundGuardOptions;
  /** Those of this process, oldest first. */
  readonly #places = new Set<Place>();
  readonly #held: HeldLeases<string>;

  constructor(options: OutboundGuardOptions) {
    this.#o = options;
    this.#held = new HeldLeases(options.leases, options.clock);
  }

  /** Calls of this process at once, as far as is known. */
  get active(): number {
    this.#expire();
    return this.#places.size;
  }

  /** Takes a place for a call to `to`, or says why there is none. Never rejects. */
  async admit(to: string): Promise<OutboundDecision> {
    const destination = this.#o.mayDial(to);
    if (!destination.ok) return { ok: false, limit: 'destination', code: destination.code, reason: destination.reason };
    this.#expire();
    const { hourly } = this.#o;
    // The place is taken before the hour is asked: of two orders at once that want the last one, one has it.
    const place = await this.#take();
    if (place === undefined)
      return { ok: false, limit: 'concurrent', code: 'concurrent', reason: 'Too many calls are being made at once.' };
    const use = await hourly.take();
    if (!use.ok) {
      this.#free(place);
      const wait = use.retryAfterMs === undefined ? {} : { retryAfterMs: use.retryAfterMs };
      return { ok: false, limit: 'per_hour', code: 'per_hour', reason: "This hour's calls are used up.", ...wait };
    }
    let open = true;
    return {
      ok: true,
      place: {
        number: destination.number,
        release: () => {
          open = false;
          this.#free(place);
        },
        cancel: () => {
          this.#free(place);
          if (!open) return;
          open = false;
          use.giveBack();
        },
      },
    };
  }

  /** Nothing is renewed any more. */
  close(): void {
    this.#held.close();
  }

  async #take(): Promise<Place | undefined> {
    const { concurrent, clock, leases, instance } = this.#o;
    if (this.#places.size >= concurrent) return undefined;
    const id = randomUUID();
    const place: Place = { id, at: clock.now(), leases: [{ group: GROUP, id, value: instance }] };
    this.#places.add(place);
    // Where nobody can be asked this process counts its own.
    const taken = await leases.take(GROUP, id, instance, concurrent, HELD_MS).catch(() => true);
    if (!taken) {
      this.#places.delete(place);
      return undefined;
    }
    this.#held.hold(id, place.leases);
    return place;
  }

  #free(place: Place): void {
    this.#places.delete(place);
    this.#held.free(place.id, place.leases);
  }

  #expire(): void {
    const now = this.#o.clock.now();
    for (const place of this.#places) {
      if (now - place.at < this.#o.longestMs) break;
      this.#free(place);
    }
  }
}
