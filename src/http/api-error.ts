import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyInstance } from 'fastify';
import { ControlError, type ControlErrorCode } from '../callers/phone/control/index.ts';
import { BridgeError } from '../errors.ts';

/** Errors of the interface for operators and programs: a code for each, and a message without secrets and phone numbers. */

/** Every code of this interface, with what it means to who reads it. */
export const API_ERRORS = {
  REQUEST_INVALID: 'The request is not what it should be; `issues` names the fields.',
  ADMIN_TOKEN_MISSING:
    'The request brings no bearer token: that of ADMIN_TOKEN, or where none is set the one in DATA_DIR/admin-token.',
  ADMIN_TOKEN_INVALID: "The request's bearer token is not the admin token.",
  ORIGIN_REFUSED:
    'A page of another site asks. Set PUBLIC_URL to where the console is reached; BROWSER_ORIGINS names sites whose pages may place calls.',
  WATCHERS_TOO_MANY: 'As many as EVENTS_MAX_WATCHERS read /events already.',
  CALL_UNKNOWN: 'There is no such call, or it ended too long ago to be remembered.',
  CALL_ENDED: 'The call is over.',
  CALL_NOT_ANSWERED: 'Nobody has answered yet, or the line is broken at the moment.',
  DESTINATION_REFUSED: 'This number may not be called; `reason` says which rule forbids it.',
  CALLBACK_REFUSED: 'The callback URL leads to a host that is not allowed.',
  OUTBOUND_UNAVAILABLE: 'Calls cannot be placed: the carrier, its credentials or the number to call from is not set.',
  OUTBOUND_HOURLY_LIMIT: "This hour's calls are used up.",
  OUTBOUND_CONCURRENT_LIMIT: 'Too many calls are being made at once.',
  TRANSFER_HOURLY_LIMIT: "This hour's transfers are used up.",
  PROMPT_UNKNOWN: 'There is no prompt of this name.',
  BRIDGE_UNKNOWN: 'This conversation has no call from a page at the moment.',
  BRIDGE_REPLACED: 'A newer call of the same conversation took the place of this one while it was made.',
  BRIDGE_FORBIDDEN:
    "The conversation's call is somebody else's: whoever is no operator shows the `session_id` of the call in the header `X-Session-Id`.",
  SYSTEM_PROMPT_REFUSED: 'Whoever is no operator may not choose `system_prompt`; BROWSER_SYSTEM_PROMPT allows it.',
  NO_MORE_CALLS: 'No further call is taken at the moment; `reason` says why.',
  TEXT_TOO_MANY: 'Too many typed turns in a minute.',
  RECORD_UNKNOWN: 'There is no record of such a call: it was never made, or it was removed for its age.',
  RECORD_OPEN: 'The call goes on; its record cannot be removed.',
  RECORDING_UNKNOWN: 'There is no recording of such a call: it was not recorded, or the recording was deleted.',
  RECORDING_OPEN: 'The call is being recorded at the moment; the recording can be deleted when it is over.',
  RANGE_INVALID: 'The range asked for lies outside of the file.',
  IDEMPOTENCY_KEY_INVALID: 'The Idempotency-Key is empty, too long, or has characters that cannot be printed.',
  IDEMPOTENCY_KEY_REUSED: 'The Idempotency-Key was used before, with another body.',
} as const;

export type ApiErrorCode = keyof typeof API_ERRORS;

export interface ApiErrorOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** More fields of the answer's `error`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, code: ApiErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.details = options.details ?? {};
  }
}

/** Of a call to the number that it would be made from, or that its caller dialled: an agent of ours would answer it. */
export const ownNumber = (): ApiError =>
  new ApiError(403, 'DESTINATION_REFUSED', 'That is the number of the line itself.', {
    details: { reason: 'own_number' },
  });

/** How long to wait, as a header: whole seconds, never none. */
export function retryAfter(ms: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}

/** The status under which a failure at the carrier is told: it is not ours (502, 504) unless the request was wrong or late. */
const CONTROL_STATUS: Readonly<Record<ControlErrorCode, number>> = {
  CONTROL_INVALID: 400,
  CONTROL_UNSUPPORTED: 501,
  CONTROL_GONE: 409,
  CONTROL_AUTH: 502,
  CONTROL_REJECTED: 502,
  CONTROL_RATE_LIMITED: 503,
  CONTROL_UNAVAILABLE: 502,
  CONTROL_TIMEOUT: 504,
  CONTROL_PROTOCOL: 502,
  CONTROL_DEPENDENCY_MISSING: 501,
  CONTROL_ABORTED: 503,
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly error: { readonly code: string; readonly message: string };
}

/** What is told of an error: ours as it is, the framework's by its status, anything else only that it happened. */
export function answerOf(error: unknown): Answer {
  if (error instanceof ApiError) {
    const { status, headers, code, message, details } = error;
    return { status, headers, error: { code, message, ...details } };
  }
  if (error instanceof ControlError) {
    const { code, message, carrierCode, uncertain, retryAfterMs } = error;
    return {
      status: CONTROL_STATUS[code],
      headers: retryAfterMs === undefined ? {} : retryAfter(retryAfterMs),
      error: { code, message, uncertain, ...(carrierCode === undefined ? {} : { carrierCode }) } as Answer['error'],
    };
  }
  if (error instanceof BridgeError) {
    const { code, message, retryAfterMs } = error;
    const headers = retryAfterMs === undefined ? {} : retryAfter(retryAfterMs);
    return { status: error.status ?? 500, headers, error: { code, message } };
  }
  const status = (error as Partial<FastifyError>).statusCode ?? 500;
  if (status === 413)
    return { status, headers: {}, error: { code: 'BODY_TOO_LARGE', message: 'the body is too large' } };
  if (status >= 400 && status < 500) {
    const message = STATUS_CODES[status]?.toLowerCase() ?? 'invalid request';
    return { status, headers: {}, error: { code: 'REQUEST_INVALID', message } };
  }
  return { status: 500, headers: {}, error: { code: 'INTERNAL', message: 'internal error' } };
}

/** Makes a plugin's scope answer errors this way. */
export function answerErrors(scope: FastifyInstance): void {
  scope.setErrorHandler((error, request, reply) => {
    const answer = answerOf(error);
    const fields = { route: request.routeOptions.url, status: answer.status, code: answer.error.code };
    // What the carrier did is an operator's matter too; only what nobody foresaw has a stack worth reading.
    if (answer.error.code === 'INTERNAL') request.log.error({ ...fields, err: error }, 'request failed');
    else if (answer.status >= 500) request.log.warn({ ...fields, detail: answer.error.message }, 'request failed');
    else request.log.debug(fields, 'request refused');
    return reply.code(answer.status).headers(answer.headers).send({ error: answer.error });
  });
}
