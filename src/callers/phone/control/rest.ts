import { type Clock, systemClock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { scrub } from '../../../log.ts';
import { ExchangeError, exchange, jsonObject, retryAfterMs } from '../../../transport/http.ts';
import { ControlError } from './errors.ts';
import { aborted, withRetries } from './retry.ts';

export interface RestOptions {
  /** Basic authentication (RFC 7617). Without a user the password is a bearer token (RFC 6750). */
  readonly user?: string | undefined;
  /** A function is asked at every try: a token that is minted may have run out since the one before. It must not throw. */
  readonly password: string | (() => string);
  /** What an answer that is not 2xx says, where that is not `code` and `message` of its JSON. It must not throw. */
  readonly failureOf?: ((body: Readonly<Record<string, unknown>>) => RestFailure) | undefined;
  /** The carrier's error numbers that say that the call is over, whatever the status beside them. */
  readonly goneCodes?: readonly number[] | undefined;
  /** Limit of one try, the answer's body included, ms. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  readonly log?: Pick<Log, 'warn'> | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** The carrier's own error number, and its words; of any type, since nothing of an answer is believed. */
export interface RestFailure {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** A value for each key; several where the key is to be repeated. */
export type Form = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface RestAnswer {
  readonly status: number;
  /** The answer's JSON object; undefined when it is none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

const FORM_TYPE = 'application/x-www-form-urlencoded';
const TIMEOUT_MS = 5_000;
/** A call's resource has two or three kilobytes. */
const BODY_MOST = 256 * 1024;
const MESSAGE_MOST = 200;
/** So many tokens are kept out of errors that come later than the answer to what they were shown for. */
const TOKENS_MOST = 64;

interface RestRequest {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
}

/** Whether doing it twice does no harm, and what gives it up. */
export interface RestCall {
  readonly repeatable: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Sends forms or JSON to a carrier's REST API: bounded in time and size, repeated where that is safe, and with nothing secret in any error. */
export class RestClient {
  readonly #o: RestOptions;
  readonly #clock: Clock;
  /** Passwords and tokens that were shown to the carrier, the latest last. */
  readonly #shown = new Set<string>();

  constructor(options: RestOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Posts a form until an answer with 2xx comes; rejects with a ControlError. What is not repeatable is tried again only when the carrier
   * certainly did not do it: it was never reached, or it turned the request away (429, 503).
   */
  post(action: string, url: string, form: Form, options: RestCall): Promise<RestAnswer> {
    return this.#send(action, { method: 'POST', url, contentType: FORM_TYPE, body: encode(form) }, options);
  }

  /** As `post`, of JSON and by the method that the API has for it. */
  json(
    action: string,
    method: RestRequest['method'],
    url: string,
    value: object,
    options: RestCall,
  ): Promise<RestAnswer> {
    return this.#send(action, { method, url, contentType: 'application/json', body: JSON.stringify(value) }, options);
  }

  #send(action: string, request: RestRequest, options: RestCall): Promise<RestAnswer> {
    const { random, log } = this.#o;
    return withRetries(
      () => this.#once(request, options.signal),
      (error) => error.retryable && (options.repeatable || !error.uncertain),
      { clock: this.#clock, action, signal: options.signal, log, ...(random === undefined ? {} : { random }) },
    );
  }

  async #once(request: RestRequest, signal: AbortSignal | undefined): Promise<RestAnswer> {
    const { method, url, contentType, body } = request;
    const password = this.#password();
    const authorization = this.#o.user === undefined ? `Bearer ${password}` : `Basic ${basic(this.#o.user, password)}`;
    const { headers, ...answer } = await exchange({
      url,
      method,
      headers: { authorization, accept: 'application/json', 'content-type': contentType },
      body,
      timeoutMs: this.#o.timeoutMs ?? TIMEOUT_MS,
      mostBytes: BODY_MOST,
      clock: this.#clock,
      signal,
      fetch: this.#o.fetch,
    }).then(
      ({ status, headers, body }) => ({ status, headers, body: jsonObject(body) }),
      (error) => {
        throw this.#unanswered(error, password);
      },
    );
    if (answer.status >= 200 && answer.status <= 299) return answer;
    throw this.#failure(answer, password, retryAfterMs(headers, this.#clock.wall()));
  }

  /** What the carrier is shown now. */
  #password(): string {
    const { password: given } = this.#o;
    const password = typeof given === 'string' ? given : given();
    this.#shown.delete(password);
    this.#shown.add(password);
    const [oldest] = this.#shown;
    if (this.#shown.size > TOKENS_MOST && oldest !== undefined) this.#shown.delete(oldest);
    return password;
  }

  /** What it means here that there was no answer. */
  #unanswered(error: unknown, password: string): ControlError {
    if (!(error instanceof ExchangeError)) throw error;
    const { failure, status, systemCode, mayBeSent: uncertain } = error;
    switch (failure) {
      case 'aborted':
        return aborted(uncertain);
      case 'timeout':
        return new ControlError(
          'CONTROL_TIMEOUT',
          `no answer from the carrier within ${this.#o.timeoutMs ?? TIMEOUT_MS} ms`,
          {
            retryable: true,
            uncertain,
          },
        );
      case 'too-large':
        return new ControlError('CONTROL_PROTOCOL', `the carrier answered more than ${BODY_MOST} bytes`, {
          ...(status === undefined ? {} : { status }),
          uncertain,
        });
      case 'unreachable':
        return new ControlError(
          'CONTROL_UNAVAILABLE',
          `the carrier could not be reached: ${this.#clean(systemCode ?? error.message, password)}`,
          { retryable: true, uncertain },
        );
      default:
        return failure satisfies never;
    }
  }

  /** The error behind an answer that is not 2xx. */
  #failure({ status, body }: RestAnswer, password: string, waitMs: number | undefined): ControlError {
    const { code, message: told }: RestFailure = (body && this.#o.failureOf?.(body)) ?? body ?? {};
    const number = Number(code);
    const carrierCode = Number.isSafeInteger(number) && number > 0 ? number : undefined;
    const words = typeof told === 'string' ? `: ${this.#clean(told, password)}` : '';
    const message = `the carrier answered HTTP ${status}${carrierCode === undefined ? '' : ` (${carrierCode})`}${words}`;
    const options = {
      status,
      ...(carrierCode === undefined ? {} : { carrierCode }),
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    };
    if (status === 401 || status === 403) return new ControlError('CONTROL_AUTH', message, options);
    if (status === 404 || status === 410 || (carrierCode !== undefined && this.#o.goneCodes?.includes(carrierCode)))
      return new ControlError('CONTROL_GONE', message, options);
    if (status === 429) return new ControlError('CONTROL_RATE_LIMITED', message, { ...options, retryable: true });
    if (status === 408 || status >= 500)
      return new ControlError('CONTROL_UNAVAILABLE', message, {
        ...options,
        retryable: true,
        uncertain: status !== 503,
      });
    if (status < 400) return new ControlError('CONTROL_PROTOCOL', message, { ...options, uncertain: true });
    return new ControlError('CONTROL_REJECTED', message, options);
  }

  /** Without secrets and phone numbers, which carriers repeat in their errors, and cut to a line. `password`: what the carrier was shown for this. */
  #clean(text: string, password: string): string {
    const { user = '' } = this.#o;
    let clean = text;
    for (const secret of new Set([password, ...this.#shown])) {
      clean = clean.replaceAll(basic(user, secret), '[secret]');
      if (secret !== '') clean = clean.replaceAll(secret, '[secret]');
    }
    if (user !== '') clean = clean.replaceAll(user, '[account]');
    clean = scrub(clean)
      .replace(/\+?\d[\d\s().-]{5,}\d/g, '[number]')
      .replace(/\s+/g, ' ')
      .trim();
    return clean.length > MESSAGE_MOST ? `${clean.slice(0, MESSAGE_MOST)}...` : clean;
  }
}

const basic = (user: string, password: string): string => Buffer.from(`${user}:${password}`).toString('base64');

/** application/x-www-form-urlencoded. */
function encode(form: Form): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(form)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) params.append(key, one);
  }
  return params.toString();
}
