import { randomUUID } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { persist, postSigned } from '../webhooks/post.ts';

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

  /** Lets what is being delivered end within `graceMs`, then gives up what was not. */
  async close(graceMs = 0): Promise<void> {
    const giveUp = () => this.#closed.abort(new Error('closed'));
    if (graceMs <= 0 || this.#running.size === 0) giveUp();
    const timer = this.#o.clock.after(graceMs, giveUp);
    await Promise.all(this.#running);
    timer.cancel();
    giveUp();
  }

  async #deliver(url: string, body: string): Promise<void> {
    const { clock, log, secret, dispatcherFor, timeoutMs = TIMEOUT_MS } = this.#o;
    const { signal } = this.#closed;
    const id = `call_${randomUUID()}`;
    try {
      const delivered = await persist({
        clock,
        signal,
        post: async () => {
          const dispatcher = dispatcherFor?.(new URL(url));
          return postSigned({ url, id, body, secret, timeoutMs, dispatcher, clock, signal });
        },
        waitMs: (tries) => WAITS_MS[tries - 1],
        // What is refused outright will be refused again.
        isFinal: (status) => status < 500 && status !== 408 && status !== 429,
      });
      if (delivered.outcome !== 'delivered')
        log.warn({ host: new URL(url).host, why: delivered.why }, 'a callback could not be delivered');
    } catch {
      // The process ends: what has not been delivered is given up.
    }
  }
}
