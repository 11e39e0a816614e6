/** Why a tool could not be loaded, called or finished. A closed set: log field and metric label. */
export type ToolErrorCode =
  /** The file does not describe a usable tool. */
  | 'TOOL_INVALID'
  /** The model called a tool that this call does not have. */
  | 'TOOL_UNKNOWN'
  | 'TOOL_ARGUMENTS_INVALID'
  | 'TOOL_TIMEOUT'
  /** The call ended while the tool ran. */
  | 'TOOL_ABORTED'
  /** The response that asked is no longer part of the conversation. */
  | 'TOOL_SUPERSEDED'
  | 'TOOL_RATE_LIMITED'
  | 'TOOL_RESULT_TOO_LARGE'
  /** The tool used what it did not declare in `touches`. */
  | 'TOOL_NOT_DECLARED'
  /** A rule outside the model forbids it. */
  | 'TOOL_REFUSED'
  /** Nobody answered whom the caller was to be connected to. */
  | 'TOOL_NOT_REACHED'
  /** What the tool talked to failed or said no. */
  | 'TOOL_UPSTREAM'
  /** An HTTP tool's destination is not allowed. */
  | 'TOOL_DESTINATION_REFUSED'
  | 'TOOL_FAILED';

const BRAND = Symbol.for('voicebridge.tool-error');

/**
 * A failure whose message the model may read: it names no secret, no address and no inner working. Whatever else a tool throws reaches the
 * model as TOOL_FAILED without its message.
 */
export class ToolError extends Error {
  readonly code: ToolErrorCode;
  readonly [BRAND] = true;

  constructor(code: ToolErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ToolError';
    this.code = code;
  }
}

/** Told by a mark, not by class: a tool file that was loaded anew may bring its own copy of this module. */
export function isToolError(error: unknown): error is ToolError {
  return typeof error === 'object' && error !== null && BRAND in error;
}
