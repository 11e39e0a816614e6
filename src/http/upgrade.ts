import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../call/clock.ts';
import { refuseUpgrade } from '../transport/refuse-upgrade.ts';
import { retryAfter } from './api-error.ts';
import type { ClientAddresses } from './client-address.ts';
import type { CountHttp } from './counters.ts';
import type { RateLimiter, RateLimitName } from './rate-limit.ts';

/** Takes an upgrade over: completes the handshake or refuses it, at once or after a while. One that throws or rejects loses its connection. */
export type UpgradeHandler = (request: IncomingMessage, stream: Duplex, head: Buffer) => void | Promise<void>;

/** How long a refused client may take to close its end, ms: the HTTP server allows half-open connections. */
const LINGER_MS = 1_000;

const STATUS_TEXT: Record<number, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Hands WebSocket upgrades to whoever serves their path; refuses all others. There is one for each HTTP server. */
export class UpgradeRouter {
  readonly #handlers = new Map<string, { handler: UpgradeHandler; limit: RateLimitName; named: boolean }>();
  readonly #count: CountHttp;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;

  readonly #limiter: RateLimiter | undefined;
  readonly #addresses: ClientAddresses;

  constructor(options: {
    count: CountHttp;
    clock: Clock;
    failed: (error: unknown) => void;
    addresses: ClientAddresses;
    limiter?: RateLimiter | undefined;
  }) {
    this.#limiter = options.limiter;
    this.#addresses = options.addresses;
    this.#count = options.count;
    this.#clock = options.clock;
    this.#failed = options.failed;
  }

  /** The paths that are served, with their limits. */
  get paths(): ReadonlyArray<{ readonly path: string; readonly limit: RateLimitName }> {
    return [...this.#handlers].map(([path, { limit }]) => ({ path, limit }));
  }

  /**
   * Serves upgrades of exactly this path; the query plays no part. Of the limit `stream` the handler counts those that prove nothing itself. `named`: of those
   * one level below it, too, where the name of an instance stands.
   */
  serve(path: string, handler: UpgradeHandler, limit: RateLimitName = 'api', { named = false } = {}): void {
    if (this.#handlers.has(path)) throw new Error(`upgrades of ${path} are served already`);
    this.#handlers.set(path, { handler, limit, named });
  }

  #find(path: string) {
    const exact = this.#handlers.get(path);
    if (exact !== undefined) return exact;
    const [, parent = '', name = ''] = /^(.+)\/([a-z0-9]{1,32})$/.exec(path) ?? [];
    const above = name === '' ? undefined : this.#handlers.get(parent);
    return above?.named === true ? above : undefined;
  }

  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      // The server took its own listener off. A handler may decide later, and a connection reset until then would end the process.
      stream.on('error', () => {});
      const [path = ''] = (request.url ?? '').split('?', 1);
      const served = this.#find(path);
      if (served?.limit !== 'stream' && !this.charge(request, stream, served?.limit ?? 'api')) return;
      if (served === undefined) {
        this.#count('upgrade_path_unknown');
        this.refuse(stream, 404, 'NOT_FOUND');
        return;
      }
      const failed = (error: unknown) => {
        this.#count('upgrade_failed');
        this.#failed(error);
        stream.destroy();
      };
      try {
        served.handler(request, stream, head)?.catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** Whose request it is, behind proxies that are trusted. */
  addressOf(request: IncomingMessage): string {
    return this.#addresses.of(request);
  }

  /** Counts an upgrade of this limit. False: it was one too many, and is refused. */
  charge(request: IncomingMessage, stream: Duplex, limit: RateLimitName): boolean {
    const waitMs = this.#limiter?.take(limit, this.addressOf(request)) ?? 0;
    if (waitMs === 0) return true;
    this.#count('rate_limited');
    this.refuse(stream, 429, 'RATE_LIMITED', retryAfter(waitMs));
    return false;
  }

  /** Answers with a plain HTTP status and the coded reason, and sees to it that the connection ends. */
  refuse(stream: Duplex, status: number, code: string, headers: Readonly<Record<string, string>> = {}): void {
    refuseUpgrade(stream, status, STATUS_TEXT[status] ?? 'Refused', code, headers);
    // Destroying at once would reset the connection where unread bytes are left, and the client might lose the answer.
    stream.resume();
    const linger = this.#clock.after(LINGER_MS, () => stream.destroy());
    stream.once('close', () => linger.cancel());
  }
}
