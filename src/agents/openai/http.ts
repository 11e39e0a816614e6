import type { Clock } from '../../call/clock.ts';
import { BridgeError, type ErrorCode } from '../../errors.ts';
import { scrubQuoted } from '../../log.ts';
import { ExchangeError, exchange, jsonObject, retryAfterMs } from '../../transport/http.ts';

/**
 * Requests to the model's HTTP API: bounded in time and size, errors with one classification, and no secret in any message.
 */

/** Answers larger than this are refused, bytes: a key or an SDP answer is a few kilobytes. */
const MAX_BODY_BYTES = 1024 * 1024;

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

/**
 * Sends one request and reads the whole answer, whatever its status. Rejects with MODEL_TIMEOUT or MODEL_UNAVAILABLE (both may be
 * tried again), MODEL_PROTOCOL for an answer too large, or the signal's reason. Redirects are not followed: a key goes to no other host.
 */
export async function modelFetch(request: ModelRequest): Promise<Response> {
  try {
    const { status, headers, body } = await exchange({ ...request, mostBytes: MAX_BODY_BYTES });
    // 204, 205 and 304 have no body, and a Response refuses one.
    return new Response(body.length === 0 ? null : new Uint8Array(body), { status, headers });
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    throw error instanceof ExchangeError ? unanswered(error, request.timeoutMs) : error;
  }
}

/** What it means here that there was no answer. */
function unanswered({ failure, message }: ExchangeError, timeoutMs: number): BridgeError {
  switch (failure) {
    case 'too-large':
      return new BridgeError('MODEL_PROTOCOL', `the model's API answered more than ${MAX_BODY_BYTES} bytes`);
    case 'timeout':
      return new BridgeError('MODEL_TIMEOUT', `no answer from the model's API within ${timeoutMs} ms`, {
        retryable: true,
      });
    case 'unreachable':
    case 'aborted':
      return new BridgeError('MODEL_UNAVAILABLE', `the model's API could not be reached: ${scrubQuoted(message)}`, {
        retryable: true,
      });
    default:
      return failure satisfies never;
  }
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
  const waitMs = retryAfterMs(response.headers, wallMs);
  const words = [detail.code ?? detail.type, detail.message].filter((part) => part !== undefined).join(': ');
  return new BridgeError(
    code,
    `the model's API answered HTTP ${response.status}${words === '' ? '' : ` (${scrubQuoted(words)})`}`,
    {
      status: response.status,
      retryable: isRetryable(code),
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    },
  );
}

/** What an error body says: `{error: {message, type, code}}`, or `{error: "..."}`; nothing of anything else. */
function errorBody(text: string): { code?: string; type?: string; message?: string } {
  const error = jsonObject(text)?.['error'];
  if (typeof error === 'string') return { message: error };
  if (typeof error !== 'object' || error === null) return {};
  const { code, type, message } = error as Record<string, unknown>;
  return {
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}
