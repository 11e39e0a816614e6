import type { Clock } from '../../call/clock.ts';
import { BridgeError, type ErrorCode, errorMessage } from '../../errors.ts';

/**
 * Requests to the model's HTTP API: bounded in time and size, errors with one classification, and no secret in any message.
 */

/** Answers larger than this are refused, bytes: a key or an SDP answer is a few kilobytes. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_MESSAGE_CHARS = 300;

export interface ModelRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | FormData;
  /** For the whole exchange, the body of the answer included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly fetch?: typeof fetch;
}

/** Takes keys out of a text that came from elsewhere, and cuts it: standard (sk-), ephemeral (ek_) and any bearer token. */
export function scrub(text: string): string {
  const clean = text
    .replace(/\bBearer\s+\S+/gi, 'Bearer [redacted]')
    .replace(/\b(?:sk|ek)[-_][^\s"'<>,;)]*/gi, '[redacted]')
    .replace(/(api[-_]key["']?\s*[:=]\s*["']?)[^\s"',;&]+/gi, '$1[redacted]');
  return clean.length > MAX_MESSAGE_CHARS ? `${clean.slice(0, MAX_MESSAGE_CHARS)}...` : clean;
}

/**
 * Sends one request and reads the whole answer, whatever its status. Rejects with MODEL_TIMEOUT or MODEL_UNAVAILABLE (both may be
 * tried again), MODEL_PROTOCOL for an answer too large, or the signal's reason. Redirects are not followed: a key goes to no other host.
 */
export async function modelFetch(request: ModelRequest): Promise<Response> {
  if (request.signal.aborted) throw request.signal.reason;
  const controller = new AbortController();
  const onAbort = () => controller.abort();
  let timedOut = false;
  const timer = request.clock.after(request.timeoutMs, () => {
    timedOut = true;
    controller.abort();
  });
  request.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const response = await (request.fetch ?? fetch)(request.url, {
      method: request.method ?? 'POST',
      headers: { ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: 'manual',
      signal: controller.signal,
    });
    return await buffered(response);
  } catch (cause) {
    if (request.signal.aborted) throw request.signal.reason;
    if (timedOut) {
      throw new BridgeError('MODEL_TIMEOUT', `no answer from the model's API within ${request.timeoutMs} ms`, {
        retryable: true,
      });
    }
    if (cause instanceof BridgeError) throw cause;
    throw new BridgeError('MODEL_UNAVAILABLE', `the model's API could not be reached: ${scrub(reasonOf(cause))}`, {
      retryable: true,
    });
  } finally {
    timer.cancel();
    request.signal.removeEventListener('abort', onAbort);
  }
}

/** `fetch` says only "fetch failed"; the system's reason (ECONNREFUSED, a certificate) is its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? errorMessage(error) : errorMessage(cause);
}

/** The same answer with its body in memory, so that reading it later cannot hang. */
async function buffered(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body !== null) {
    for await (const chunk of response.body) {
      size += chunk.byteLength;
      if (size > MAX_BODY_BYTES) {
        throw new BridgeError('MODEL_PROTOCOL', `the model's API answered more than ${MAX_BODY_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
  }
  const bodyless = response.status === 204 || response.status === 205 || response.status === 304;
  return new Response(bodyless ? null : Buffer.concat(chunks), {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
  });
}

/** The vendor's error codes that mean money or limits, whatever the HTTP status beside them. */
const QUOTA_CODES = /insufficient_quota|billing|credit_balance|account_deactivated|usage_limit/;
const AUTH_CODES =
  /invalid_api_key|authentication|permission|unauthori[sz]ed|invalid_client_secret|expired_api_key|token_expired/;
const RATE_CODES = /rate_limit/;
const SERVER_CODES = /server_error|internal_error|overloaded|service_unavailable|timeout/;

/**
 * The error code for what the model's API calls an error, by the vendor's `code` or `type` (from an HTTP body or an `error` event);
 * undefined for a code that says nothing about money, keys, limits or the server.
 */
export function classifyModelCode(...names: ReadonlyArray<string | null | undefined>): ErrorCode | undefined {
  const text = names.filter((name) => typeof name === 'string').join(' ');
  if (QUOTA_CODES.test(text)) return 'MODEL_QUOTA';
  if (RATE_CODES.test(text)) return 'MODEL_RATE_LIMITED';
  if (AUTH_CODES.test(text)) return 'MODEL_AUTH';
  if (SERVER_CODES.test(text)) return 'MODEL_UNAVAILABLE';
  return undefined;
}

/** Whether trying the same again may help, by code. */
export function isRetryable(code: ErrorCode): boolean {
  return code === 'MODEL_RATE_LIMITED' || code === 'MODEL_UNAVAILABLE' || code === 'MODEL_TIMEOUT';
}

/** The error code of an HTTP status of the model's API. */
export function codeOfStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'MODEL_AUTH';
  if (status === 402) return 'MODEL_QUOTA';
  if (status === 429) return 'MODEL_RATE_LIMITED';
  if (status === 408 || status === 425 || status >= 500) return 'MODEL_UNAVAILABLE';
  return 'MODEL_REJECTED';
}

/**
 * The error behind an answer that is not 2xx: MODEL_AUTH, MODEL_QUOTA, MODEL_RATE_LIMITED, MODEL_UNAVAILABLE or MODEL_REJECTED, with
 * `status` and, where the answer says it, `retryAfterMs`. `wallMs` is the wall time that a Retry-After date is measured from.
 */
export async function modelHttpError(response: Response, wallMs: number = Date.now()): Promise<BridgeError> {
  const detail = errorBody(await response.text().catch(() => ''));
  const byStatus = codeOfStatus(response.status);
  // Quota comes as 429, and as 403 on some deployments: the code in the body knows better. A 4xx keeps its status otherwise.
  const byCode = classifyModelCode(detail.code, detail.type);
  const code = byCode === 'MODEL_QUOTA' || byCode === 'MODEL_RATE_LIMITED' ? byCode : byStatus;
  const retryAfterMs = retryAfter(response.headers, wallMs);
  const words = [detail.code ?? detail.type, detail.message].filter((part) => part !== undefined).join(': ');
  return new BridgeError(
    code,
    `the model's API answered HTTP ${response.status}${words === '' ? '' : ` (${scrub(words)})`}`,
    {
      status: response.status,
      retryable: isRetryable(code),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

/** What an error body says: `{error: {message, type, code}}`, or `{error: "..."}`; nothing of anything else. */
function errorBody(text: string): { code?: string; type?: string; message?: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return {};
  }
  const error = (parsed as { error?: unknown } | null)?.error;
  if (typeof error === 'string') return { message: error };
  if (typeof error !== 'object' || error === null) return {};
  const { code, type, message } = error as Record<string, unknown>;
  return {
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110 section 10.2.3). */
function retryAfter(headers: Headers, wallMs: number): number | undefined {
  const inMs = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(inMs) && inMs >= 0) return inMs;
  const value = headers.get('retry-after');
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs);
}
