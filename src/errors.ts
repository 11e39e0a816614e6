/**
 * Coded errors. A code is what operators search for and what answers carry; the message says what happened and, where the reader can
 * act, what would be right. Messages never hold secrets, phone numbers or what people said.
 */

export type ErrorCode =
  // Configuration and start
  | 'CONFIG_INVALID'
  | 'LISTEN_FAILED'
  // Requests to us
  | 'WEBHOOK_SIGNATURE_INVALID'
  | 'WEBHOOK_INVALID'
  | 'HOST_NOT_ALLOWED'
  | 'NOT_FOUND'
  | 'BODY_TOO_LARGE'
  | 'REQUEST_INVALID'
  | 'REQUEST_TIMEOUT'
  | 'TOO_MANY_CONNECTIONS'
  | 'INTERNAL'
  // The media stream
  | 'STREAM_TOKEN_MISSING'
  | 'STREAM_TOKEN_INVALID'
  | 'STREAM_TOKEN_EXPIRED'
  | 'STREAM_TOKEN_USED'
  | 'STREAM_FORMAT_UNSUPPORTED'
  // Sockets and peers
  | 'SOCKET_CONNECT_FAILED'
  | 'SOCKET_CONNECT_TIMEOUT'
  | 'SOCKET_REFUSED'
  | 'PEER_UNAVAILABLE'
  | 'PEER_SDP_INVALID'
  | 'PEER_CONNECT_TIMEOUT'
  | 'PEER_FAILED'
  // The model
  | 'MODEL_AUTH'
  | 'MODEL_QUOTA'
  | 'MODEL_RATE_LIMITED'
  | 'MODEL_UNAVAILABLE'
  | 'MODEL_REJECTED'
  | 'MODEL_TIMEOUT'
  | 'MODEL_FORMAT_MISMATCH'
  | 'MODEL_PROTOCOL'
  | 'MODEL_SESSION_LOST'
  | 'ABORTED';

/** Every error this program throws on purpose. */
export class BridgeError extends Error {
  readonly code: ErrorCode;
  /** Whether trying the same again may help. */
  readonly retryable: boolean;
  /** HTTP status of the answer that caused it, or that should carry it. */
  readonly status: number | undefined;
  /** What the far end asked us to wait before a retry, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean; status?: number; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BridgeError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The code of any thrown thing: its own when it is ours, else `fallback`. */
export function errorCode(error: unknown, fallback: ErrorCode = 'INTERNAL'): ErrorCode {
  return error instanceof BridgeError ? error.code : fallback;
}

/** The message of any thrown thing. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
