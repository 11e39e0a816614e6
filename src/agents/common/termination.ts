import { type Termination, type TerminationReason, termination } from '../../call/termination.ts';
import type { BridgeError, ErrorCode } from '../../errors.ts';

/** How a call ends that could not get, or keep, its session. */
export function terminationOf(error: unknown): Termination {
  const { code, retryAfterMs } = (error ?? {}) as Partial<BridgeError>;
  const message = error instanceof Error ? error.message : undefined;
  const end = termination(reasonOf(code), message);
  return code === 'MODEL_RATE_LIMITED' && retryAfterMs !== undefined ? { ...end, retryAfterMs } : end;
}

/** Why a call ends that fails with this code. */
export function reasonOf(code: ErrorCode | undefined): TerminationReason {
  switch (code) {
    case 'MODEL_AUTH':
      return 'model-auth';
    case 'MODEL_QUOTA':
      return 'model-quota';
    case 'MODEL_RATE_LIMITED':
      return 'model-rate-limited';
    case 'MODEL_REJECTED':
      return 'model-rejected';
    case 'MODEL_FORMAT_MISMATCH':
      return 'model-format-mismatch';
    case 'MODEL_SESSION_UNCONFIRMED':
      return 'model-unconfirmed';
    case 'MODEL_SESSION_LOST':
      return 'model-session-lost';
    case 'DIAL_BUSY':
      return 'dial-busy';
    case 'DIAL_NO_ANSWER':
      return 'dial-no-answer';
    case 'DIAL_REFUSED':
      return 'dial-refused';
    case 'DIAL_FORBIDDEN':
      return 'dial-forbidden';
    case 'DIAL_LIMIT':
      return 'dial-limit';
    case 'DIAL_MACHINE':
      return 'dial-machine';
    case 'DIAL_FAILED':
      return 'dial-failed';
    case 'MODEL_UNAVAILABLE':
    case 'MODEL_TIMEOUT':
    case 'MODEL_PROTOCOL':
      return 'model-unavailable';
    // What nobody classified counts as ours.
    default:
      return 'internal';
  }
}
