import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyInstance } from 'fastify';
import { BridgeError } from '../errors.ts';

/** Errors of the interface for operators and programs: a code for each, and a message without secrets and phone numbers. */

/** Codes of the plumbing itself, with what each means to who reads it. A part's own stand beside the part. */
export const API_ERRORS = {
  REQUEST_INVALID: 'The request is not what it should be; `issues` names the fields.',
  ADMIN_TOKEN_MISSING:
    'The request brings no bearer token: that of ADMIN_TOKEN, or where none is set the one in DATA_DIR/admin-token, or a person’s own.',
  ADMIN_TOKEN_INVALID: "The request's bearer token is neither the admin token nor that of a person, or it was revoked.",
  ROLE_TOO_LOW: 'The token is good, and its role may not do this; `needs` says which may.',
  ORIGIN_REFUSED:
    'A page of another site asks. Set PUBLIC_URL to where the console is reached; BROWSER_ORIGINS names sites whose pages may place calls.',
} as const;

type OfThePlumbing = typeof API_ERRORS;
/**
 * Every code of the interface: a part adds its own by `declare module`, as plugins of the framework do, so that the set is closed and this
 * file knows no part.
 */
export interface ApiErrorCodes extends OfThePlumbing {}
export type ApiErrorCode = keyof ApiErrorCodes;

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

/** How long to wait, as a header: whole seconds, never none. */
export function retryAfter(ms: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}

/** What is told of an error. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly error: { readonly code: string; readonly message: string; readonly [more: string]: unknown };
}

/** An error that was told before, of which no more is known than what was told. */
export class RepeatedError extends Error {
  readonly answer: ErrorAnswer;

  constructor(message: string, answer: ErrorAnswer) {
    super(message);
    this.name = 'RepeatedError';
    this.answer = answer;
  }

  /** As it was told. */
  get code(): string {
    return this.answer.error.code;
  }
}

/** What is told of an error: ours as it is, the framework's by its status, anything else only that it happened. */
export function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof ApiError) {
    const { status, headers, code, message, details } = error;
    return { status, headers, error: { code, message, ...details } };
  }
  if (error instanceof RepeatedError) return error.answer;
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

/** Makes a plugin's scope answer errors this way. `own`: what is told of errors of the plugin's own kind. */
export function answerErrors(scope: FastifyInstance, own?: (error: unknown) => ErrorAnswer | undefined): void {
  scope.setErrorHandler((error, request, reply) => {
    const answer = own?.(error) ?? answerOf(error);
    const fields = { route: request.routeOptions.url, status: answer.status, code: answer.error.code };
    // What the carrier did is an operator's matter too; only what nobody foresaw has a stack worth reading.
    if (answer.error.code === 'INTERNAL') request.log.error({ ...fields, err: error }, 'request failed');
    else if (answer.status >= 500) request.log.warn({ ...fields, detail: answer.error.message }, 'request failed');
    else request.log.debug(fields, 'request refused');
    return reply.code(answer.status).headers(answer.headers).send({ error: answer.error });
  });
}
