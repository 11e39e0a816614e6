import type { TerminationReason } from '../call/termination.ts';

/** Calls that ended before the caller was through for what is no doing of the agent's under test: nothing follows about it. Pure. */

/** Its provider would not go on with us: our credit, our rate, our key. */
const REFUSED = new Set<string>([
  'model-quota',
  'model-rate-limited',
  'model-auth',
  'dial-limit',
] satisfies TerminationReason[]);
/** An operator or this daemon ended it, by its own limits, its own end or its own fault. */
const ENDED_HERE = new Set<string>([
  'operator-hangup',
  'max-duration',
  'drained',
  'internal',
] satisfies TerminationReason[]);

export interface CutOff {
  readonly state: 'not-executed' | 'invalid';
  /** For the report. */
  readonly reason: string;
}

/** Undefined where the caller was through, or the call's end is the agent's or its line's. */
export function cutOff(
  callerState: string | undefined,
  end: { readonly reason: string; readonly detail?: string | undefined } | undefined,
): CutOff | undefined {
  if (callerState !== 'hung-up-on' || end === undefined) return undefined;
  const why = end.detail === undefined ? end.reason : `${end.reason} (${end.detail})`;
  if (REFUSED.has(end.reason))
    return { state: 'not-executed', reason: `the provider did not go on with the call: ${why}` };
  if (ENDED_HERE.has(end.reason)) return { state: 'invalid', reason: `the call was ended here: ${why}` };
  return undefined;
}
