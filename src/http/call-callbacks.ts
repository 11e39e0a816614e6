import { randomUUID } from 'node:crypto';
import { type Dispatcher, request } from 'undici';
import { type Clock, delay } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import { signatureHeaders } from '../tools/signing.ts';

/** Tells whoever ordered a call how it ended, at the address he gave: by POST, signed as Standard Webhooks has it, a few times if need be. */

export interface CallCallbacksOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** Signs what is sent; without it nothing is signed. */
  readonly secret?: string | undefined;
  /** By which connection a URL is asked; throws when it must not be asked at all. Undici's own without it. */
  readonly dispatcherFor?: ((url: URL) => Dispatcher) | undefined;
  /** Limit of one try, ms. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
/** Waits before the second and each further try, ms. */
const WAITS_MS = [1_000, 5_000, 30_000];

export class CallCallbacks {
  readonly #o: CallCallbacksOptions;
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: CallCallbacksOptions) {
    this.#o = options;
  }

  /** Throws whatever the policy throws when this URL must not be asked. */
  check(url: string): void {
    this.#o.dispatcherFor?.(new URL(url));
  }

  /** Sends without being waited for; a failure is logged. */
  send(url: string, body: object): void {
    const sent = this.#deliver(url, JSON.stringify(body)).finally(() => this.#running.delete(sent));
    this.#running.add(sent);
  }

  /** Gives up what has not been delivered yet. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('closed'));
    await Promise.all(this.#running);
  }

  async #deliver(url: string, body: string): Promise<void> {
    const { clock, log } = this.#o;
    // One id for all tries: the receiver can tell a repetition.
    const id = `call_${randomUUID()}`;
    let why = '';
    for (const wait of [0, ...WAITS_MS]) {
      try {
        if (wait > 0) await delay(clock, wait, this.#closed.signal);
        const status = await this.#post(url, id, body);
        if (status >= 200 && status <= 299) return;
        why = `HTTP ${status}`;
        // What is refused outright will be refused again.
        if (status < 500 && status !== 408 && status !== 429) break;
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        why = errorMessage(error);
      }
    }
    log.warn({ host: new URL(url).host, why }, 'a callback could not be delivered');
  }

  async #post(url: string, id: string, body: string): Promise<number> {
    const { clock, secret, dispatcherFor, timeoutMs = TIMEOUT_MS } = this.#o;
    const timeout = new AbortController();
    const timer = clock.after(timeoutMs, () => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)));
    const signed = secret === undefined ? {} : signatureHeaders(secret, id, Math.floor(clock.wall() / 1000), body);
    const dispatcher = dispatcherFor?.(new URL(url));
    try {
      const response = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'voicebridge', ...signed },
        body,
        signal: AbortSignal.any([timeout.signal, this.#closed.signal]),
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      // Nothing in the answer is of interest; a few kilobytes are read so that the connection can be kept.
      await response.body.dump({ limit: 16 * 1024 });
      return response.statusCode;
    } finally {
      timer.cancel();
    }
  }
}
