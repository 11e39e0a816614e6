import { type Clock, systemClock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { errorMessage } from '../../../errors.ts';
import { scrub } from '../../../log.ts';
import { ControlError } from './errors.ts';
import { aborted, withRetries } from './retry.ts';

export interface RestOptions {
  /** Basic authentication (RFC 7617). */
  readonly user: string;
  readonly password: string;
  /** Limit of one try, the answer's body included, ms. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  readonly log?: Pick<Log, 'warn'> | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** A value for each key; several where the key is to be repeated. */
export type Form = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface RestAnswer {
  readonly status: number;
  /** The answer's JSON object; undefined when it is none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

const TIMEOUT_MS = 5_000;
/** A call's resource has two or three kilobytes. */
const BODY_MOST = 256 * 1024;
const MESSAGE_MOST = 200;

/** Failures to connect: the request cannot have been read by anybody. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Posts forms to a carrier's REST API: bounded in time and size, repeated where that is safe, and with nothing secret in any error. */
export class RestClient {
  readonly #o: RestOptions;
  readonly #clock: Clock;
  readonly #authorization: string;

  constructor(options: RestOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
    this.#authorization = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`;
  }

  /**
   * Posts until an answer with 2xx comes; rejects with a ControlError. `repeatable`: whether doing it twice does no harm. What is not is
   * tried again only when the carrier certainly did not do it: it was never reached, or it turned the request away (429, 503).
   */
  post(
    action: string,
    url: string,
    form: Form,
    options: { repeatable: boolean; signal?: AbortSignal | undefined },
  ): Promise<RestAnswer> {
    const { random, log } = this.#o;
    return withRetries(
      () => this.#once(url, form, options.signal),
      (error) => error.retryable && (options.repeatable || !error.uncertain),
      { clock: this.#clock, action, signal: options.signal, log, ...(random === undefined ? {} : { random }) },
    );
  }

  async #once(url: string, form: Form, signal: AbortSignal | undefined): Promise<RestAnswer> {
    const controller = new AbortController();
    const timeoutMs = this.#o.timeoutMs ?? TIMEOUT_MS;
    let late = false;
    const timer = this.#clock.after(timeoutMs, () => {
      late = true;
      controller.abort();
    });
    const onAbort = () => controller.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const response = await (this.#o.fetch ?? fetch)(url, {
        method: 'POST',
        headers: {
          authorization: this.#authorization,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: encode(form),
        // The password goes to no other host.
        redirect: 'manual',
        signal: controller.signal,
      });
      const answer = { status: response.status, body: jsonObject(await read(response)) };
      if (response.status >= 200 && response.status <= 299) return answer;
      throw this.#failure(answer, response.headers.get('retry-after'));
    } catch (cause) {
      if (cause instanceof ControlError) throw cause;
      if (late)
        throw new ControlError('CONTROL_TIMEOUT', `no answer from the carrier within ${timeoutMs} ms`, {
          retryable: true,
          uncertain: true,
        });
      if (signal?.aborted) throw aborted(true);
      const code = systemCode(cause);
      throw new ControlError(
        'CONTROL_UNAVAILABLE',
        `the carrier could not be reached: ${this.#clean(code ?? errorMessage(cause))}`,
        { retryable: true, uncertain: code === undefined || !NEVER_SENT.has(code) },
      );
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The error behind an answer that is not 2xx. */
  #failure({ status, body }: RestAnswer, retryAfter: string | null): ControlError {
    const number = Number(body?.['code']);
    const carrierCode = Number.isSafeInteger(number) && number > 0 ? number : undefined;
    const words = typeof body?.['message'] === 'string' ? `: ${this.#clean(body['message'])}` : '';
    const message = `the carrier answered HTTP ${status}${carrierCode === undefined ? '' : ` (${carrierCode})`}${words}`;
    const waitMs = retryAfterMs(retryAfter, this.#clock.wall());
    const options = {
      status,
      ...(carrierCode === undefined ? {} : { carrierCode }),
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    };
    if (status === 401 || status === 403) return new ControlError('CONTROL_AUTH', message, options);
    // 21220: the call is not in progress, so there is nothing to change any more. https://www.twilio.com/docs/api/errors/21220
    if (status === 404 || status === 410 || carrierCode === 21_220)
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

  /** Without secrets and phone numbers, which carriers repeat in their errors, and cut to a line. */
  #clean(text: string): string {
    const { user, password } = this.#o;
    let clean = text.replaceAll(this.#authorization.slice('Basic '.length), '[secret]');
    if (password !== '') clean = clean.replaceAll(password, '[secret]');
    if (user !== '') clean = clean.replaceAll(user, '[account]');
    clean = scrub(clean)
      .replace(/\+?\d[\d\s().-]{5,}\d/g, '[number]')
      .replace(/\s+/g, ' ')
      .trim();
    return clean.length > MESSAGE_MOST ? `${clean.slice(0, MESSAGE_MOST)}...` : clean;
  }
}

/** application/x-www-form-urlencoded. */
function encode(form: Form): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(form)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) params.append(key, one);
  }
  return params.toString();
}

async function read(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > BODY_MOST)
      throw new ControlError('CONTROL_PROTOCOL', `the carrier answered more than ${BODY_MOST} bytes`, {
        status: response.status,
        uncertain: true,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** `fetch` says "fetch failed"; the system's word for it is the code of its cause. */
function systemCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Seconds or a date (RFC 9110 section 10.2.3), in ms from now. */
function retryAfterMs(value: string | null, wallMs: number): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs);
}
