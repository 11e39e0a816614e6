import { ArgumentsError } from './arguments.ts';
import { isToolError, type ToolErrorCode } from './errors.ts';
import { shapeResult } from './result.ts';

/** How the run of a tool ended, and what is told of it: to observers, and to the model where it failed. */

export type ToolOutcome =
  | 'ok'
  | 'failed'
  | 'refused'
  | 'timeout'
  | 'aborted'
  | 'superseded'
  | 'unknown'
  | 'invalid'
  | 'rate_limited'
  | 'too_large';

/** What a call's tools tell. `name` is one of the call's tools, or `(unknown)`: a metric label. Times are ms. */
export type ToolEvent =
  | { readonly type: 'tool_started'; readonly name: string; readonly toolCallId: string }
  | {
      readonly type: 'tool_finished';
      readonly name: string;
      readonly toolCallId: string;
      readonly ms: number;
      readonly outcome: ToolOutcome;
      /** The model was shown a part of the result. */
      readonly truncated: boolean;
      /** What the model was given. */
      readonly output: string;
    }
  /** A result came when nobody waited for it any more; `ms` after the tool was started. */
  | {
      readonly type: 'tool_result_dropped';
      readonly name: string;
      readonly toolCallId: string;
      readonly ms: number;
      readonly why: 'timeout' | 'aborted' | 'superseded';
    };

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
