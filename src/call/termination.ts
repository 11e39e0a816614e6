/**
 * How a call ended: `result` x `reason`. The same pair is the metric label, the log field and the stored column, so the failure rate
 * is one query. What nobody classified counts as ours.
 */

export type TerminationResult = 'success' | 'caller_error' | 'upstream_error' | 'server_error' | 'indeterminate';

/** Every reason there is, with the result it counts as. */
const RESULTS = {
  // Somebody hung up, as they should.
  'caller-hangup': 'success',
  'agent-hangup': 'success',
  transferred: 'success',
  'operator-hangup': 'success',
  'max-duration': 'success',
  'caller-silent': 'success',
  // Hung up before anybody was asked to answer: the news of it came before the news of the call.
  'ended-first': 'success',
  // The caller's media came to another instance, which goes on with the call.
  moved: 'success',
  // The caller's side did something that cannot go on.
  'media-flood': 'caller_error',
  'media-malformed': 'caller_error',
  'media-stalled': 'caller_error',
  'media-backpressure': 'caller_error',
  'media-format-unsupported': 'caller_error',
  'stream-replaced': 'caller_error',
  // The carrier's or model's side.
  'media-lost': 'upstream_error',
  'no-stream': 'upstream_error',
  // It could not set the call up or keep it; the detail has its own code.
  'carrier-failed': 'upstream_error',
  'model-auth': 'upstream_error',
  'model-quota': 'upstream_error',
  'model-rate-limited': 'upstream_error',
  'model-unavailable': 'upstream_error',
  'model-rejected': 'upstream_error',
  'model-session-lost': 'upstream_error',
  'model-format-mismatch': 'upstream_error',
  'model-unconfirmed': 'upstream_error',
  'model-silent': 'upstream_error',
  // Somebody was called to answer, and did not: his line was in use, he let it ring, he or his network refused, it failed, or a machine took the call.
  'dial-busy': 'upstream_error',
  'dial-no-answer': 'upstream_error',
  'dial-refused': 'upstream_error',
  'dial-failed': 'upstream_error',
  'dial-machine': 'upstream_error',
  // He may not be called, or not now: by our own rules and limits, or by his carrier's.
  'dial-forbidden': 'server_error',
  'dial-limit': 'server_error',
  // Ours.
  drained: 'server_error',
  // It came, and was not taken: no room, no model, no prompt. The detail has which.
  'not-admitted': 'server_error',
  internal: 'server_error',
  // The process died in the middle of the call: another one closed its record.
  'process-lost': 'indeterminate',
  // The record has no end.
  unknown: 'indeterminate',
} as const satisfies Record<string, TerminationResult>;

export type TerminationReason = keyof typeof RESULTS;

export interface Termination {
  readonly result: TerminationResult;
  readonly reason: TerminationReason;
  /** One sentence for the log; never holds secrets or callers' words. */
  readonly detail?: string;
  /** How long the far end asked to be left alone, ms, where it could not take the call for that. */
  readonly retryAfterMs?: number;
}

/** A termination of this reason, with the result the table gives it. */
export function termination(reason: TerminationReason, detail?: string): Termination {
  return detail === undefined ? { result: RESULTS[reason], reason } : { result: RESULTS[reason], reason, detail };
}

/** Whether the far party should be told that something went wrong before the line goes. */
export function isFailure(end: Termination): boolean {
  return end.result !== 'success';
}

/** All reasons: for tests and for the metric's label set. */
export const terminationReasons = Object.keys(RESULTS) as TerminationReason[];
