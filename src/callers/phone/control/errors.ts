import { errorCode } from '../../../errors.ts';

/** Why a carrier did not do what it was told, with what each code means to who reads it. A closed set: log field and metric label. */
export const CONTROL_ERRORS = {
  CONTROL_INVALID: 'What was asked cannot be asked of any carrier (a number that is none); nothing was sent.',
  CONTROL_UNSUPPORTED: 'The carrier, or this way to it, cannot do it; nothing was sent.',
  CONTROL_GONE: 'The call is over, or the carrier never knew it.',
  CONTROL_AUTH: "The carrier does not take the account's credentials.",
  CONTROL_REJECTED: 'The carrier refuses the request; its own error number is beside it.',
  CONTROL_RATE_LIMITED: 'The carrier asks to come back later.',
  CONTROL_UNAVAILABLE: 'The carrier fails or cannot be reached.',
  CONTROL_TIMEOUT: 'The carrier did not answer in time; it may have done what it was asked.',
  CONTROL_PROTOCOL: "The carrier's answer is not what it documents.",
  CONTROL_DEPENDENCY_MISSING: 'An optional package is not installed; the message names it.',
  CONTROL_ABORTED: 'Whoever asked gave up before the carrier answered.',
} as const;

export type ControlErrorCode = keyof typeof CONTROL_ERRORS;

export interface ControlErrorOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  readonly uncertain?: boolean;
  readonly status?: number;
  readonly carrierCode?: number;
  readonly retryAfterMs?: number;
}

/** A failure of call control. Its message holds no secret and no phone number. */
export class ControlError extends Error {
  readonly code: ControlErrorCode;
  /** Whether the same may be asked again. */
  readonly retryable: boolean;
  /** Whether the carrier may have done it all the same: the request went out and no clear answer came back. */
  readonly uncertain: boolean;
  /** HTTP status of the carrier's answer. */
  readonly status: number | undefined;
  /** The carrier's own error number: https://www.twilio.com/docs/api/errors */
  readonly carrierCode: number | undefined;
  /** What the carrier asked us to wait, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ControlErrorCode, message: string, options: ControlErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ControlError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.uncertain = options.uncertain ?? false;
    this.status = options.status;
    this.carrierCode = options.carrierCode;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The code of any thrown thing that kept a carrier from doing what it was told. */
export const controlCode = (error: unknown) => (error instanceof ControlError ? error.code : errorCode(error));
