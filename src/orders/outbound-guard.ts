import type { Clock } from '../call/clock.ts';
import type { HourLimit } from '../memory/hour-limit.ts';

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
  readonly clock: Pick<Clock, 'now'>;
  readonly mayDial: MayDial;
  /** How many calls may be begun in an hour. */
  readonly hourly: Pick<HourLimit, 'take'>;
  /** Most calls at once, ringing ones included; 0 forbids all. */
  readonly concurrent: number;
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

export class OutboundGuard {
  readonly #o: OutboundGuardOptions;
  readonly #places = new Set<{ readonly at: number }>();

  constructor(options: OutboundGuardOptions) {
    this.#o = options;
  }

  /** Calls at once, as far as is known. */
  get active(): number {
    this.#expire();
    return this.#places.size;
  }

  /** Takes a place for a call to `to`, or says why there is none. Never rejects. */
  async admit(to: string): Promise<OutboundDecision> {
    const destination = this.#o.mayDial(to);
    if (!destination.ok) return { ok: false, limit: 'destination', code: destination.code, reason: destination.reason };
    this.#expire();
    const { concurrent, clock, hourly } = this.#o;
    if (this.#places.size >= concurrent)
      return { ok: false, limit: 'concurrent', code: 'concurrent', reason: 'Too many calls are being made at once.' };
    // The place is taken before the hour is asked: of two orders at once that want the last one, one has it.
    const entry = { at: clock.now() };
    this.#places.add(entry);
    const use = await hourly.take();
    if (!use.ok) {
      this.#places.delete(entry);
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
          this.#places.delete(entry);
        },
        cancel: () => {
          this.#places.delete(entry);
          if (!open) return;
          open = false;
          use.giveBack();
        },
      },
    };
  }

  #expire(): void {
    const now = this.#o.clock.now();
    for (const entry of this.#places) {
      if (now - entry.at < this.#o.longestMs) break;
      this.#places.delete(entry);
    }
  }
}
