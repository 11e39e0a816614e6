import type { ToolOutcome } from '../call/events.ts';
import { ArgumentsError } from './arguments.ts';
import { isToolError, type ToolErrorCode } from './errors.ts';
import { shapeResult } from './result.ts';

/** How the run of a tool ended, and what is told of it: to observers, and to the model where it failed. */

const OUTCOMES: Partial<Record<ToolErrorCode, ToolOutcome>> = {
  TOOL_UNKNOWN: 'unknown',
  TOOL_ARGUMENTS_INVALID: 'invalid',
  TOOL_TIMEOUT: 'timeout',
  TOOL_ABORTED: 'aborted',
  TOOL_SUPERSEDED: 'superseded',
  TOOL_RATE_LIMITED: 'rate_limited',
  TOOL_RESULT_TOO_LARGE: 'too_large',
  TOOL_REFUSED: 'refused',
  TOOL_DESTINATION_REFUSED: 'refused',
};

/** The code of whatever a tool threw; TOOL_FAILED for an error that is not ours. */
export function codeOf(error: unknown): ToolErrorCode {
  return isToolError(error) ? error.code : 'TOOL_FAILED';
}

/** What a failure of this code counts as. */
export function outcomeOf(code: ToolErrorCode): ToolOutcome {
  return OUTCOMES[code] ?? 'failed';
}

/** The failure as the model reads it: `{"error":"timeout","message":...}`. Nothing of a foreign error gets through. */
export function failureText(error: unknown): string {
  const message = isToolError(error) ? error.message : 'The tool failed. Say that it did not work, or try another way.';
  const details = error instanceof ArgumentsError ? error.details : {};
  const shaped = shapeResult({ error: codeOf(error).slice('TOOL_'.length).toLowerCase(), message, ...details });
  return shaped.ok ? shaped.output : '{"error":"failed"}';
}
