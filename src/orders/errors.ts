import { ControlError, type ControlErrorCode } from '../callers/phone/control/index.ts';
import { ApiError, type ErrorAnswer, retryAfter } from '../http/api-error.ts';

/** What is answered to who orders and operates calls where it cannot be done. */

export const CALLS_ERRORS = {
  CALL_UNKNOWN: 'There is no such call, or it ended too long ago to be remembered.',
  CALL_ENDED: 'The call is over.',
  CALL_NOT_ANSWERED: 'Nobody has answered yet, or the line is broken at the moment.',
  DIGITS_CUT:
    'The digits were cut off, pressed again and cut off, as by a caller who speaks over and over: `played` says how many of them were played.',
  CALL_TAKEN_OVER: 'An operator speaks with the caller, and the agent is silent until the call is handed back.',
  DESTINATION_REFUSED: 'This number may not be called; `reason` says which rule forbids it.',
  CALLBACK_REFUSED: 'The callback URL leads to a host that is not allowed.',
  OUTBOUND_UNAVAILABLE: 'Calls cannot be placed: the carrier, its credentials or the number to call from is not set.',
  OUTBOUND_HOURLY_LIMIT: "This hour's calls are used up.",
  OUTBOUND_CONCURRENT_LIMIT: 'Too many calls are being made at once.',
  TRANSFER_HOURLY_LIMIT: "This hour's transfers are used up.",
  PROMPT_UNKNOWN: 'There is no prompt of this name.',
  AGENT_UNKNOWN: 'There is no such agent: the message says what of it is wrong, or what its kind lacks.',
} as const;
type OfCalls = typeof CALLS_ERRORS;
declare module '../http/api-error.ts' {
  interface ApiErrorCodes extends OfCalls {}
}

/** Of a call to the number that it would be made from, or that its caller dialled: an agent of ours would answer it. */
export const ownNumber = (): ApiError =>
  new ApiError(403, 'DESTINATION_REFUSED', 'That is the number of the line itself.', {
    details: { reason: 'own_number' },
  });

/** The answer to whoever orders a call that the guard of ordered calls refuses. */
export function orderRefused(decision: {
  limit: string;
  code: string;
  reason: string;
  retryAfterMs?: number;
}): ApiError {
  const { limit, code, reason, retryAfterMs } = decision;
  if (limit === 'destination') return new ApiError(403, 'DESTINATION_REFUSED', reason, { details: { reason: code } });
  const name = limit === 'per_hour' ? 'OUTBOUND_HOURLY_LIMIT' : 'OUTBOUND_CONCURRENT_LIMIT';
  return new ApiError(429, name, reason, {
    headers: retryAfterMs === undefined ? {} : retryAfter(retryAfterMs),
  });
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

/** What is told of a carrier's failure; undefined for any other error. */
export function controlAnswer(error: unknown): ErrorAnswer | undefined {
  if (!(error instanceof ControlError)) return undefined;
  const { code, message, carrierCode, uncertain, retryAfterMs } = error;
  return {
    status: CONTROL_STATUS[code],
    headers: retryAfterMs === undefined ? {} : retryAfter(retryAfterMs),
    error: { code, message, uncertain, ...(carrierCode === undefined ? {} : { carrierCode }) },
  };
}
