import { TOOL_OUTCOMES } from '../call/events.ts';
import { terminationReasons } from '../call/termination.ts';
import { ERRORS } from '../errors.ts';

/**
 * Labels come from closed sets: each new value is a new series for ever, so what a model, a carrier or a stranger writes never becomes one.
 */

/** `value` where it is one of the set, else `other`. */
function oneOf(known: ReadonlySet<string>, other: string): (value: string) => string {
  return (value) => (known.has(value) ? value : other);
}

export const reasonLabel = oneOf(new Set(terminationReasons), 'unknown');

export const resultLabel = oneOf(
  new Set(['success', 'caller_error', 'upstream_error', 'server_error', 'indeterminate']),
  'indeterminate',
);

export const transportLabel = oneOf(new Set(['webrtc', 'websocket']), 'none');

/** Why a transport could not be had: the program's own codes. */
export const errorLabel = oneOf(new Set(Object.keys(ERRORS)), 'other');

export const outcomeLabel = oneOf(new Set(TOOL_OUTCOMES), 'other');

/** Codes and types of the Realtime API's errors that are documented or were seen. https://platform.openai.com/docs/guides/error-codes */
const MODEL_ERRORS = [
  'authentication_error',
  'billing_hard_limit_reached',
  'conversation_already_has_active_response',
  'input_audio_buffer_commit_empty',
  'insufficient_quota',
  'invalid_api_key',
  'invalid_request',
  'invalid_request_error',
  'invalid_tool_call_id',
  'invalid_type',
  'invalid_value',
  'item_create_duplicate_item_id',
  'item_create_invalid_previous_item_id',
  'item_not_found',
  'missing_required_parameter',
  'model_not_found',
  'not_found',
  'permission_denied',
  'rate_limit_exceeded',
  'server_error',
  'server_overloaded',
  'session_expired',
  'token_expired',
  'tokens_limit_exceeded',
  'unknown_parameter',
  'unsupported_country_region_territory',
] as const;
export const modelErrorLabel = oneOf(new Set(MODEL_ERRORS), 'other');

/** Tools that may be seen over the life of a process: those of a folder and of tool servers, which can change while it runs. */
const TOOLS_MOST = 100;
export const UNKNOWN_TOOL = '(unknown)';

/** Tools' names as labels: those that `isTool` knows, and no more than a hundred over the life of the process. */
export function toolLabels(isTool: (name: string) => boolean): (name: string) => string {
  const seen = new Set<string>();
  return (name) => {
    if (seen.has(name)) return name;
    if (seen.size >= TOOLS_MOST || !isTool(name)) return UNKNOWN_TOOL;
    seen.add(name);
    return name;
  };
}
