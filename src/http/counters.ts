/**
 * What the HTTP face counts. The set is closed: each name is a metric label, so a new one is added here and nowhere else. Addresses and
 * call ids never become labels; they are in the log.
 */
export const HTTP_COUNTERS = [
  // Webhooks of carriers.
  'webhook_received',
  'webhook_repeated',
  'webhook_invalid',
  'webhook_signature_invalid',
  'host_not_allowed',
  'call_prepared',
  'call_refused',
  'call_prepare_failed',
  'call_returned',
  'continue_reattach',
  'continue_hangup',
  'continue_transfer',
  'continue_apology',
  'transfer_completed',
  'transfer_failed',
  'stream_status_started',
  'stream_status_stopped',
  'stream_status_error',
  'stream_status_other',
  // Upgrades to a WebSocket.
  'upgrade_accepted',
  'upgrade_failed',
  'upgrade_path_unknown',
  'upgrade_signature_invalid',
  'upgrade_bearer_invalid',
  'upgrade_too_many',
  // The one-time token in the stream's `start`.
  'stream_authorized',
  'stream_token_missing',
  'stream_token_invalid',
  'stream_token_expired',
  'stream_token_used',
  // Questions of other instances.
  'internal_asked',
  'internal_refused',
  // The server itself.
  'rate_limited',
  'connections_too_many',
  'connection_silent',
  'requests_too_many',
  'request_timeout',
  'request_malformed',
  'body_too_large',
  'request_failed',
] as const;

export type HttpCounter = (typeof HTTP_COUNTERS)[number];

/** Adds one. Never throws. */
export type CountHttp = (name: HttpCounter) => void;
