import type { RefusalReason } from '../admission/admission.ts';
import { ApiError, retryAfter } from './api-error.ts';

export const NO_MORE_CALLS_ERRORS = {
  NO_MORE_CALLS: 'No further call is taken at the moment; `reason` says why.',
} as const;
type OfAdmission = typeof NO_MORE_CALLS_ERRORS;
declare module './api-error.ts' {
  interface ApiErrorCodes extends OfAdmission {}
}

/** When who was refused may ask again, ms: the rate refills within a second, room and time come back when calls end. */
const RETRY_MS: Readonly<Record<RefusalReason, number>> = {
  rate: 1_000,
  calls: 10_000,
  'loop-delay': 10_000,
  memory: 10_000,
  draining: 10_000,
  model: 15_000,
  pages: 10_000,
  pending: 5_000,
  address: 10_000,
  'shared-memory': 5_000,
  fleet: 10_000,
  number: 10_000,
  caller: 10_000,
  account: 10_000,
};

/** What is refused because the one who asks has asked for more than its part, not for want of room. */
const TOO_MANY: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['rate', 'pending', 'address', 'caller']);

/** The answer to whoever asks for a call that admission refuses: 429 for calls that come too fast or too many at a time, else 503. */
export function noMoreCalls(reason: RefusalReason): ApiError {
  return new ApiError(TOO_MANY.has(reason) ? 429 : 503, 'NO_MORE_CALLS', 'no further call is taken at the moment', {
    headers: retryAfter(RETRY_MS[reason]),
    details: { reason },
  });
}
