/**
 * The carrier's HTTP client: asks for instructions and posts callbacks as forms, signed when there is a secret.
 */

import { type Clock, systemClock } from '../../call/clock.ts';
import type { Addresses } from './addresses.ts';
import type { Carrier } from './carrier.ts';
import type { AnswerRules, Form } from './far-end.ts';
import { FAR_ENDS } from './far-ends.ts';
import { MAX_TWIML_BYTES } from './twiml.ts';

/** How carriers wait for an answer that say nothing else: https://www.twilio.com/docs/api/errors/11200 names fifteen seconds. */
const ANSWERS: AnswerRules = { timeoutMs: 15_000, tries: 1, types: ['text/xml', 'application/xml', 'text/html'] };

/** A request that brought no instructions; the message says why, with the carrier's error number where there is one. */
export class WebhookError extends Error {
  /** HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined;

  constructor(message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WebhookError';
    this.status = options.status;
  }
}

export interface WebhookClientOptions {
  readonly carrier: Carrier;
  /** The carrier's secret; without it nothing is signed, or by a secret that nobody knows where the carrier signs all that it sends. */
  readonly secret?: string | undefined;
  readonly addresses: Addresses;
  readonly clock?: Clock;
}

export class WebhookClient {
  readonly #o: WebhookClientOptions;
  readonly #clock: Clock;

  constructor(options: WebhookClientOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Asks for instructions. Resolves with the document; rejects with a WebhookError for no answer, a status other than 2xx, a type
   * that is not XML, or too long an answer, and with the signal's reason when that aborts.
   */
  async instructions(
    url: string,
    method: 'GET' | 'POST',
    form: Form,
    signal: AbortSignal,
  ): Promise<{ document: string; status: number; ms: number }> {
    const began = this.#clock.now();
    const { tries, types } = FAR_ENDS[this.#o.carrier].answers ?? ANSWERS;
    const response = await this.#asked(tries, url, method, form, signal);
    const body = await readBody(response);
    const ms = this.#clock.now() - began;
    const { status } = response;
    if (status < 200 || status > 299) {
      throw new WebhookError(`HTTP ${status} (error 11200)${excerpt(body)}`, { status });
    }
    const type = (response.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
    // Twilio reads text/plain aloud and plays audio types; neither can be what a bridge meant.
    if (status !== 204 && !types.includes(type)) {
      const known = types.slice(0, 2).join(' or ');
      throw new WebhookError(`Content-Type ${type || '(none)'}; it must be ${known} (error 12300)`, { status });
    }
    return { document: body, status, ms };
  }

  /** Posts a callback. Resolves with the status; rejects with a WebhookError when there was no answer. */
  async callback(url: string, method: 'GET' | 'POST', form: Form): Promise<number> {
    const response = await this.#request(url, method, form, undefined);
    await response.body?.cancel();
    return response.status;
  }

  /** Asks again where no answer came, as often as the carrier does. */
  async #asked(tries: number, url: string, method: 'GET' | 'POST', form: Form, signal: AbortSignal): Promise<Response> {
    for (let left = tries; ; ) {
      try {
        return await this.#request(url, method, form, signal);
      } catch (error) {
        if (!(error instanceof WebhookError) || --left <= 0) throw error;
      }
    }
  }

  async #request(url: string, method: 'GET' | 'POST', form: Form, signal: AbortSignal | undefined): Promise<Response> {
    let target = url;
    if (method === 'GET') {
      const query = new URLSearchParams(form).toString();
      target += (url.includes('?') ? '&' : '?') + query;
    }
    const address = new URL(this.#o.addresses.toLocal(target));
    const headers: Record<string, string> = {};
    // A user and password in the address become a header and are no part of what is signed.
    if (address.username !== '' || address.password !== '') {
      const login = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
      headers['Authorization'] = `Basic ${Buffer.from(login).toString('base64')}`;
      address.username = '';
      address.password = '';
      target = target.replace(/\/\/[^/@]*@/, '//');
    }
    const { carrier, secret, addresses } = this.#o;
    const { json = false, answers = ANSWERS, proof } = FAR_ENDS[carrier];
    if (method === 'POST')
      headers['Content-Type'] = json ? 'application/json' : 'application/x-www-form-urlencoded; charset=UTF-8';
    Object.assign(headers, proof(secret, method, addresses.toPublic(target), form));
    const timeout = AbortSignal.timeout(answers.timeoutMs);
    try {
      return await fetch(address, {
        method,
        headers,
        redirect: 'follow',
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
        ...(method === 'POST' ? { body: json ? JSON.stringify(form) : new URLSearchParams(form).toString() } : {}),
      });
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw new WebhookError(
        timeout.aborted
          ? `no answer within ${answers.timeoutMs / 1000} s (error 11200)`
          : `no connection to ${address.host}: ${causeOf(cause)} (error 11205)`,
        { cause },
      );
    }
  }
}

/** Reads as much as a carrier does and a little more, so that the reader of the document can say that it is too long. */
async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_TWIML_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function excerpt(body: string): string {
  const text = body.replace(/\s+/g, ' ').trim();
  return text === '' ? '' : `: ${text.slice(0, 200)}`;
}

/** fetch says "fetch failed" and hides why in its cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || ('code' in cause ? String(cause.code) : cause.name);
}
