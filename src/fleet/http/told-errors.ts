import { BridgeError, ERRORS, type ErrorCode } from '../../errors.ts';
import { answerOf, type ErrorAnswer, RepeatedError } from '../../http/api-error.ts';

/** What one instance tells another of an error: as whoever asks over HTTP is told, so that he who asked the wrong instance gets the same. */
export function toldOf(error: unknown): ErrorAnswer {
  return answerOf(error);
}

/** The error that another instance told of: one of the daemon's own codes, or one that can be told on as it is. */
export function errorFrom(told: ErrorAnswer): Error {
  const { status, headers, error } = told;
  const { code, message } = error;
  if (!isCode(code)) return new RepeatedError(message, told);
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return new BridgeError(code, message, {
    status,
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000, retryable: true } : {}),
  });
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** Whether a text of another instance has the shape of what is told of an error. */
export function isTold(value: unknown): value is ErrorAnswer {
  const { status, headers, error } = (value ?? {}) as Partial<Record<keyof ErrorAnswer, unknown>>;
  const { code, message } = (error ?? {}) as Partial<Record<string, unknown>>;
  return (
    typeof status === 'number' &&
    typeof headers === 'object' &&
    headers !== null &&
    typeof code === 'string' &&
    typeof message === 'string'
  );
}
