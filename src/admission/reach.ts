import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';

/** Whether a kind of agents can be reached: looked at in the background, never for a request. */

export interface ReachOptions {
  readonly clock: Clock;
  /** Resolves when the far end answers; rejects when it does not. It has a time limit of its own. */
  readonly probe: () => Promise<void>;
  /** Told when the opinion changes, with why where it is a bad one. */
  readonly changed: (reachable: boolean, why: string | undefined) => void;
  /** Wait between two looks, ms. */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 15_000;
/** This many failures in a row, and then this many successes, change the opinion: one lost packet must not send all callers elsewhere. */
const FAILURES = 3;
const SUCCESSES = 2;

/** Believes that the far end can be reached until it was not, several times over. */
export class Reach {
  readonly #o: ReachOptions;
  #timer: Timer | undefined;
  #reachable = true;
  #against = 0;
  #closed = false;

  constructor(options: ReachOptions) {
    this.#o = options;
    void this.#look();
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { clock, probe, intervalMs = INTERVAL_MS } = this.#o;
    const why = await probe().then(() => undefined, errorMessage);
    if (this.#closed) return;
    this.#judge(why);
    this.#timer = clock.after(intervalMs, () => void this.#look());
  }

  #judge(why: string | undefined): void {
    const good = why === undefined;
    this.#against = good === this.#reachable ? 0 : this.#against + 1;
    if (this.#against < (this.#reachable ? FAILURES : SUCCESSES)) return;
    this.#against = 0;
    this.#reachable = good;
    this.#o.changed(good, why);
  }
}

/**
 * Opens a connection to the host of `url`, with TLS where it is https, and closes it again: a service that cannot be reached is told from one
 * that can without a request that it would have to answer or to count.
 */
export function connectProbe(url: URL, timeoutMs: number): () => Promise<void> {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return () =>
    new Promise((resolve, reject) => {
      // SNI takes names alone (RFC 6066, section 3).
      const socket = secure
        ? connectTls({ host, port, timeout: timeoutMs, ...(/[a-z]/i.test(host) ? { servername: host } : {}) })
        : connect({ host, port, timeout: timeoutMs });
      const settle = (error?: Error) => {
        socket.destroy();
        if (error === undefined) resolve();
        else reject(error);
      };
      socket.once(secure ? 'secureConnect' : 'connect', () => settle());
      socket.once('timeout', () => settle(new Error(`no connection within ${timeoutMs} ms`)));
      socket.on('error', settle);
    });
}
