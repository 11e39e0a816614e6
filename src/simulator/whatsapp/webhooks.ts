/**
 * Meta's side of a webhook: signs, delivers, and delivers again while no 200 comes. Neither once nor in order is promised there, so copies and
 * lateness are part of a delivery.
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started ("Event notifications", "Validating payloads")
 */

import { createHmac } from 'node:crypto';
import type { Clock, Timer } from '../../call/clock.ts';
import { errorMessage } from '../../errors.ts';
import { exchange } from '../../transport/http.ts';

export interface WebhookOptions {
  /** Where the business takes them. */
  readonly url: string;
  readonly appSecret: string;
  readonly clock: Clock;
  /** How long an answer may take, ms: about 20 s at Meta. */
  readonly timeoutMs?: number | undefined;
  /** Waits before each further try of one that got no 200, ms. */
  readonly retryMs?: readonly number[] | undefined;
}

/** How one is delivered. */
export interface Delivery {
  /** How often it is sent, 1 when left out: two subscribed apps of one business are enough for two. */
  readonly copies?: number | undefined;
  /** How much later than what it tells of, ms. */
  readonly lateMs?: number | undefined;
}

/** One request of a delivery. */
export interface Delivered {
  readonly body: object;
  readonly atMs: number;
  readonly ms: number;
  /** Undefined where nobody answered. */
  readonly status: number | undefined;
  readonly error: string | undefined;
}

const RETRY_MS: readonly number[] = [5_000, 20_000, 60_000];
const TIMEOUT_MS = 20_000;
/** Requests that are remembered. */
const LOG_LIMIT = 5_000;

/** The header's value for this body. */
export const signatureOf = (appSecret: string, body: string): string =>
  `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;

export class Webhooks {
  readonly log: Delivered[] = [];
  readonly #o: WebhookOptions;
  readonly #closed = new AbortController();
  readonly #timers = new Set<Timer>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: WebhookOptions) {
    this.#o = options;
  }

  /** Delivers it. Resolves with the first request's outcome, and never rejects; what has to be tried again is, beside it. */
  async deliver(body: object, { copies = 1, lateMs = 0 }: Delivery = {}): Promise<Delivered> {
    if (lateMs > 0) await new Promise<void>((resolve) => this.#later(lateMs, resolve));
    const text = JSON.stringify(body);
    const all = Array.from({ length: Math.max(1, copies) }, () => this.#try(body, text, 0));
    for (const one of all) {
      this.#running.add(one);
      void one.finally(() => this.#running.delete(one));
    }
    return all[0]!;
  }

  /** GET, as the app dashboard asks when the address is entered there. Resolves with the answer's status and text. */
  async verify(verifyToken: string, challenge: string): Promise<{ status: number; text: string }> {
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.challenge': challenge,
      'hub.verify_token': verifyToken,
    });
    const answer = await this.#exchange('GET', `${this.#o.url}?${query}`, {});
    return { status: answer.status, text: answer.body.toString() };
  }

  /** Resolves when all requests that were begun have their answers, or none. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Delivers nothing more. */
  close(): void {
    this.#closed.abort(new Error('closed'));
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  async #try(body: object, text: string, tries: number): Promise<Delivered> {
    const { clock, appSecret, retryMs = RETRY_MS } = this.#o;
    const beganMs = clock.now();
    const outcome = await this.#exchange(
      'POST',
      this.#o.url,
      { 'x-hub-signature-256': signatureOf(appSecret, text) },
      text,
    )
      .then(({ status }) => ({ status, error: undefined }))
      .catch((error: unknown) => ({ status: undefined, error: errorMessage(error) }));
    const delivered = { body, atMs: beganMs, ms: clock.now() - beganMs, ...outcome };
    if (this.log.length < LOG_LIMIT) this.log.push(delivered);
    const waitMs = retryMs[tries];
    if (outcome.status !== 200 && waitMs !== undefined)
      this.#later(waitMs, () => void this.#try(body, text, tries + 1));
    return delivered;
  }

  /** Rejects with an ExchangeError (see `ExchangeError`). */
  #exchange(method: 'GET' | 'POST', url: string, headers: Record<string, string>, body?: string) {
    return exchange({
      url,
      method,
      headers: {
        'user-agent': 'facebookexternalua',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs: this.#o.timeoutMs ?? TIMEOUT_MS,
      mostBytes: 64 * 1024,
      restIgnored: true,
      clock: this.#o.clock,
      signal: this.#closed.signal,
    });
  }

  #later(ms: number, run: () => void): void {
    if (this.#closed.signal.aborted) return;
    const timer = this.#o.clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
