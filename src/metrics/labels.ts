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

/** Why a transport could not be had: the program's own codes. */
export const errorLabel = oneOf(new Set(Object.keys(ERRORS)), 'other');

export const outcomeLabel = oneOf(new Set(TOOL_OUTCOMES), 'other');

/** What agents may name on a label: the sets of every kind that there is, each closed. */
export interface AgentLabels {
  /** What carries their sessions. */
  readonly transports: readonly string[];
  /** Codes of errors that they report. */
  readonly errors: readonly string[];
}

export const transportLabels = ({ transports }: AgentLabels) => oneOf(new Set(transports), 'none');
export const modelErrorLabels = ({ errors }: AgentLabels) => oneOf(new Set(errors), 'other');

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
