import { randomBytes } from 'node:crypto';
import type { Clock } from '../call/clock.ts';
import type { Listening } from './desk.ts';

/** How long a ticket is good, ms: the socket is opened at once. */
const GOOD_MS = 10_000;
const MOST = 1_000;

/**
 * What one instance gives another for an operator who asked the wrong one: good for one socket, for a moment. It is asked for by the fleet's own questions, so whoever
 * has one was proven by the secret that the instances share.
 */
export class Tickets {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #given = new Map<string, { readonly listening: Listening; readonly until: number }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  give(listening: Listening): string {
    const now = this.#clock.now();
    for (const [old, { until }] of this.#given) {
      if (until > now && this.#given.size < MOST) break;
      this.#given.delete(old);
    }
    const ticket = randomBytes(32).toString('base64url');
    this.#given.set(ticket, { listening, until: now + GOOD_MS });
    return ticket;
  }

  /** What it was given for; undefined for one that is none, too old, or was taken before. */
  take(ticket: string): Listening | undefined {
    const found = this.#given.get(ticket);
    this.#given.delete(ticket);
    return found === undefined || found.until <= this.#clock.now() ? undefined : found.listening;
  }
}
