/**
 * Whom the business may call, and how often: Meta's side of `call_permissions` and of the messages that ask for it.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-call-permissions
 */

import type { Clock } from '../../call/clock.ts';
import { GraphFailure } from './graph-error.ts';

export type PermissionStatus = 'no_permission' | 'temporary' | 'permanent';

const DAY_MS = 86_400_000;
/** How long a temporary permission holds. */
const TEMPORARY_MS = 7 * DAY_MS;

/** How often something may be done in a stretch of time. */
interface Limit {
  readonly period: 'PT24H' | 'P7D';
  readonly ms: number;
  readonly most: number;
}

const REQUESTS: readonly Limit[] = [
  { period: 'PT24H', ms: DAY_MS, most: 1 },
  { period: 'P7D', ms: 7 * DAY_MS, most: 2 },
];
const CALLS: readonly Limit[] = [{ period: 'PT24H', ms: DAY_MS, most: 100 }];

interface Known {
  status: PermissionStatus;
  untilMs: number | undefined;
  requests: number[];
  calls: number[];
}

export class Permissions {
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, 'wall'>) {
    this.#clock = clock;
  }

  /** Says what a user (by `wa_id` or `user_id`) allows. Returns until when, wall ms. */
  set(user: string, status: PermissionStatus): number | undefined {
    const known = this.#of(user);
    known.status = status;
    known.untilMs = status === 'temporary' ? this.#clock.wall() + TEMPORARY_MS : undefined;
    return known.untilMs;
  }

  /** The body of `call_permissions`. */
  describe(user: string): object {
    const { status, untilMs, requests, calls } = this.#current(user);
    return {
      messaging_product: 'whatsapp',
      permission: { status, ...(untilMs === undefined ? {} : { expiration_time: Math.floor(untilMs / 1_000) }) },
      actions: [
        this.#action('send_call_permission_request', status !== 'permanent', requests, REQUESTS),
        this.#action('start_call', status !== 'no_permission', calls, CALLS),
      ],
    };
  }

  /** The business asks for permission. Throws a GraphFailure (138009). */
  asked(user: string): void {
    const known = this.#current(user);
    if (this.#isUsedUp(known.requests, REQUESTS))
      throw new GraphFailure(138009, 'permission was asked for as often as is allowed');
    known.requests.push(this.#clock.wall());
  }

  /** The business wants to call. Throws a GraphFailure (138006, 138012). */
  mayCall(user: string): void {
    const { status, calls } = this.#current(user);
    if (status === 'no_permission') throw new GraphFailure(138006, 'the user has not allowed calls');
    if (this.#isUsedUp(calls, CALLS)) throw new GraphFailure(138012);
  }

  /** A call with the user was connected: it counts, and sets the requests back. */
  connected(user: string): void {
    const known = this.#of(user);
    known.calls.push(this.#clock.wall());
    known.requests = [];
  }

  #action(name: string, allowed: boolean, uses: readonly number[], limits: readonly Limit[]): object {
    return {
      action_name: name,
      can_perform_action: allowed && !this.#isUsedUp(uses, limits),
      limits: limits.map((limit) => {
        const used = this.#within(uses, limit);
        const [first] = used;
        return {
          time_period: limit.period,
          max_allowed: limit.most,
          current_usage: used.length,
          ...(used.length < limit.most || first === undefined
            ? {}
            : { limit_expiration_time: Math.floor((first + limit.ms) / 1_000) }),
        };
      }),
    };
  }

  #within(uses: readonly number[], { ms }: Limit): number[] {
    return uses.filter((at) => this.#clock.wall() - at < ms);
  }

  #isUsedUp(uses: readonly number[], limits: readonly Limit[]): boolean {
    return limits.some((limit) => this.#within(uses, limit).length >= limit.most);
  }

  #current(user: string): Known {
    const known = this.#of(user);
    if (known.untilMs !== undefined && known.untilMs <= this.#clock.wall()) this.set(user, 'no_permission');
    return known;
  }

  #of(user: string): Known {
    const known = this.#known.get(user) ?? { status: 'no_permission', untilMs: undefined, requests: [], calls: [] };
    this.#known.set(user, known);
    return known;
  }
}
