import { TokenBucket } from '../admission/token-bucket.ts';
import type { Clock } from '../call/clock.ts';
import { BridgeError } from '../errors.ts';
import { limitKey } from './client-address.ts';

/**
 * How often one address may ask. Every route has a limit: the one its `config.limit` names, `api` where it names none. Requests that prove
 * themselves by a carrier's signature or token are not counted, so that a stranger's flood never costs a caller his call.
 */

export type RateLimitName = 'webhook' | 'stream' | 'browser-call' | 'api' | 'files' | 'health' | 'metrics';

/** Requests a second, by limit; 0: none. */
export type RateLimits = Readonly<Record<RateLimitName, number>>;

/** How many seconds' worth may come at once. */
const BURST_SECONDS = 10;
/** Addresses that are remembered; beyond, those that were quiet the longest start anew. */
const ADDRESSES_MOST = 20_000;

export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limits: RateLimits, clock: Pick<Clock, 'now'>) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Counts one request. 0 when it may pass, else the ms after which the next one may. */
  take(limit: RateLimitName, address: string): number {
    const perSecond = this.#limits[limit];
    if (perSecond === 0) return 0;
    const key = `${limit} ${limitKey(address)}`;
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? new TokenBucket(perSecond, perSecond * BURST_SECONDS, now);
    // Put at the end again: the map's order is the order of use.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > ADDRESSES_MOST) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket.take(now);
  }
}

/** The refusal: 429 with Retry-After. */
export function rateLimited(waitMs: number): BridgeError {
  return new BridgeError('RATE_LIMITED', 'too many requests from this address', {
    status: 429,
    retryable: true,
    retryAfterMs: waitMs,
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which limit the route has; `api` when left out. A `webhook` is counted where its signature is looked at. */
    limit?: RateLimitName;
  }
  interface FastifyInstance {
    /** Counts a request of this limit; throws RATE_LIMITED (429). Not there on a server without limits. */
    charge?: (request: FastifyRequest, limit: RateLimitName) => void;
    /** Whom the request comes from, as far as trusted proxies say. */
    addressOf?: (request: FastifyRequest) => string;
  }
}
