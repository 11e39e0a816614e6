import type { Clock } from '../../call/clock.ts';
import { BridgeError, type ErrorCode } from '../../errors.ts';
import { quotedError, scrubQuoted } from '../../log.ts';
import { type AnswerHeaders, ExchangeError, exchange, jsonObject, retryAfterMs } from '../../transport/http.ts';

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

/** An answer, all of it in memory. */
export interface ModelAnswer {
  readonly status: number;
  /** 2xx. */
  readonly ok: boolean;
  readonly headers: AnswerHeaders;
  text(): Promise<string>;
  /** Rejects where it is no JSON. */
  json(): Promise<unknown>;
}

/**
 * Sends one request and reads the whole answer, whatever its status. Rejects with MODEL_TIMEOUT or MODEL_UNAVAILABLE (both may be
 * tried again), MODEL_PROTOCOL for an answer too large, or the signal's reason. Redirects are not followed: a key goes to no other host.
 */
export async function modelFetch(request: ModelRequest): Promise<ModelAnswer> {
  try {
    const { status, headers, body } = await exchange({ ...request, mostBytes: MAX_BODY_BYTES });
    const text = async () => new TextDecoder().decode(body);
    return { status, ok: status >= 200 && status < 300, headers, text, json: async () => JSON.parse(await text()) };
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    throw error instanceof ExchangeError ? unanswered(error, request.timeoutMs) : error;
  }
}

/** What it means here that there was no answer. */
function unanswered(cause: ExchangeError, timeoutMs: number): BridgeError {
  const { failure, message } = cause;
  switch (failure) {
    case 'too-large':
      return new BridgeError('MODEL_PROTOCOL', `the model's API answered more than ${MAX_BODY_BYTES} bytes`);
    case 'timeout':
      return new BridgeError('MODEL_TIMEOUT', `no answer from the model's API within ${timeoutMs} ms`, {
        retryable: true,
        cause,
      });
    case 'unreachable':
    case 'aborted':
      return new BridgeError('MODEL_UNAVAILABLE', `the model's API could not be reached: ${scrubQuoted(message)}`, {
        retryable: true,
        cause,
      });
    default:
      return failure satisfies never;
  }
}

/** Answers that say that nothing was begun: too early, too many, no room at the moment (RFC 8470, RFC 6585, RFC 9110 section 15.6.4). */
const NOT_BEGUN: readonly number[] = [425, 429, 503];

/**
 * Whether the request behind an error that may pass was perhaps acted on all the same: it was sent and its answer is not known, or the answer is of somebody who failed while, or
 * behind whom, it was worked on (500, 502, 504, 408).
 */
export function mayBeDone({ status, cause }: BridgeError): boolean {
  if (status !== undefined) return !NOT_BEGUN.includes(status);
  return cause instanceof ExchangeError && cause.mayBeSent;
}

/** The vendor's error codes that mean money or limits, whatever the HTTP status beside them. */
const QUOTA_CODES = /insufficient_quota|quota_exceeded|billing|credit_balance|account_deactivated|usage_limit/;
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
export async function modelHttpError(response: ModelAnswer, wallMs: number = Date.now()): Promise<BridgeError> {
  const detail = errorBody(await response.text().catch(() => ''));
  const byStatus = codeOfStatus(response.status);
  // Quota comes as 429, and as 403 on some deployments: the code in the body knows better. A 4xx keeps its status otherwise.
  const byCode = classifyModelCode(detail.code, detail.type);
  const code = byCode === 'MODEL_QUOTA' || byCode === 'MODEL_RATE_LIMITED' ? byCode : byStatus;
  const waitMs = retryAfterMs(response.headers, wallMs);
  const words = quotedError(detail.code ?? detail.type, detail.message);
  return new BridgeError(code, `the model's API answered HTTP ${response.status}${words === '' ? '' : ` (${words})`}`, {
    status: response.status,
    retryable: isRetryable(code),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

interface ErrorBody {
  readonly code?: string;
  readonly type?: string;
  readonly message?: string;
}

/**
 * What an error body says, by the forms that vendors have for it; nothing of anything else. `{error: {message, type, code}}` and `{error: "..."}`,
 * `{detail: {status, message}}` and `{detail: "..."}`, `{message: "..." | ["..."], error: "..."}`.
 */
function errorBody(text: string): ErrorBody {
  const body = jsonObject(text) ?? {};
  const nested = [body['error'], body['detail']].find((part) => typeof part === 'object' && part !== null);
  const { code, status, type, message } = (nested ?? body) as Readonly<Record<string, unknown>>;
  const name = [code, nested === undefined ? undefined : status].find((part) => typeof part === 'string');
  const words = [message, body['detail'], body['error']].map(textOf).find((part) => part !== undefined);
  return {
    ...(name === undefined ? {} : { code: name as string }),
    ...(typeof type === 'string' ? { type } : {}),
    ...(words === undefined ? {} : { message: withoutUrls(words) }),
  };
}

/** A text, or the texts of a list as one. */
function textOf(part: unknown): string | undefined {
  const text = Array.isArray(part) ? part.filter((one) => typeof one === 'string').join('; ') : part;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** An address of a call is a key to it: none is quoted. */
export const withoutUrls = (text: string): string => text.replace(/\b(?:https?|wss?):\/\/\S+/gi, '[url]');
