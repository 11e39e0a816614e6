import type { Clock, Timer } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { type AnswerHeaders, type OpenAnswer, send } from './http-request.ts';

export type { AnswerHeaders } from './http-request.ts';

/**
 * One request over HTTP to somebody else's server: bounded in time and size, given up when its asker gives up, and never sent on to another
 * host. Who asks says in his own coded errors what a failure means to him.
 */

export interface Exchange {
  readonly url: string | URL;
  /** POST when left out. */
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | FormData | undefined;
  /** For the whole exchange, the answer's body included, ms. */
  readonly timeoutMs: number;
  /** Bytes of the answer's body that are read. */
  readonly mostBytes: number;
  /** What a longer body means: the exchange fails, or (`true`) the rest is of no interest and not read. */
  readonly restIgnored?: boolean | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Sends it in place of Node's HTTP client. */
  readonly fetch?: typeof fetch | undefined;
}

/** An answer, whatever its status, all of it in memory: reading it later cannot hang. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** Why there is no answer. */
export type ExchangeFailure =
  /** Its asker gave it up; the signal has the reason. */
  'aborted' | 'timeout' | 'unreachable' | 'too-large';

export class ExchangeError extends Error {
  readonly failure: ExchangeFailure;
  /** False where the far end certainly read nothing of the request. */
  readonly mayBeSent: boolean;
  /** The system's code of a connection that failed: ECONNREFUSED and such. */
  readonly systemCode: string | undefined;
  /** Of an answer that was too large. */
  readonly status: number | undefined;

  constructor(
    failure: ExchangeFailure,
    message: string,
    more: { mayBeSent?: boolean; systemCode?: string | undefined; status?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'ExchangeError';
    this.failure = failure;
    this.mayBeSent = more.mayBeSent ?? true;
    this.systemCode = more.systemCode;
    this.status = more.status;
  }
}

/** Failures to connect: the request cannot have been read by anybody. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Sends one request and reads the whole answer. Rejects with an `ExchangeError`, whose message may hold what the far end said: clean it before it is kept. */
export async function exchange(request: Exchange): Promise<HttpAnswer> {
  const { signal, clock, timeoutMs } = request;
  if (signal?.aborted) throw new ExchangeError('aborted', 'the request was given up', { mayBeSent: false });
  const controller = new AbortController();
  const onAbort = () => controller.abort();
  let late = false;
  const timer: Timer = clock.after(timeoutMs, () => {
    late = true;
    controller.abort();
  });
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const response = await begin(request, controller.signal);
    return { status: response.status, headers: response.headers, body: await read(response, request) };
  } catch (cause) {
    if (cause instanceof ExchangeError) throw cause;
    if (signal?.aborted) throw new ExchangeError('aborted', 'the request was given up', { cause });
    if (late) throw new ExchangeError('timeout', `no answer within ${timeoutMs} ms`, { cause });
    const systemCode = systemCodeOf(cause);
    const mayBeSent = systemCode === undefined || !NEVER_SENT.has(systemCode);
    throw new ExchangeError('unreachable', reasonOf(cause), { mayBeSent, systemCode, cause });
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Node's `fetch` is a second HTTP client, of several megabytes: only forms go by it, which it alone can write. */
function begin(request: Exchange, signal: AbortSignal): Promise<OpenAnswer> {
  const { url, method = 'POST', headers, body } = request;
  if (request.fetch === undefined && !isForm(body)) return send(new URL(url), { method, headers, body, signal });
  return (request.fetch ?? fetch)(url, {
    method,
    headers: { ...headers },
    ...(body === undefined ? {} : { body }),
    // A key or a password goes to no other host than the one it is for.
    redirect: 'manual',
    signal,
  });
}

const isForm = (body: Exchange['body']): body is FormData => body !== undefined && typeof body !== 'string';

async function read(response: OpenAnswer, { mostBytes, restIgnored }: Exchange): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > mostBytes && restIgnored === true) break;
    if (size > mostBytes)
      throw new ExchangeError('too-large', `the answer has more than ${mostBytes} bytes`, { status: response.status });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `fetch` says only "fetch failed"; the system's reason (ECONNREFUSED, a certificate) is its cause. */
function causeOf(error: unknown): unknown {
  return (error instanceof Error ? error.cause : undefined) ?? error;
}

/** A name with several addresses, none of which answers, fails with a code and no words. */
function reasonOf(error: unknown): string {
  return errorMessage(causeOf(error)) || (systemCodeOf(error) ?? '');
}

function systemCodeOf(error: unknown): string | undefined {
  const { code } = causeOf(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** The answer's JSON object; undefined when it is none. */
export function jsonObject(body: Buffer | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * How long the far end asks to be left alone, ms from now: `retry-after-ms`, or `retry-after` in seconds or as a date, which is measured
 * from `wallMs` (RFC 9110 section 10.2.3). Undefined where it does not say, or not so that it can be understood.
 */
export function retryAfterMs(headers: AnswerHeaders, wallMs: number): number | undefined {
  const inMs = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(inMs) && inMs >= 0) return inMs;
  const value = headers.get('retry-after');
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs);
}
