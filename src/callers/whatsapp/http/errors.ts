import { type ErrorAnswer, retryAfter } from '../../../http/api-error.ts';
import { GraphError, type GraphErrorCode } from '../graph/errors.ts';

/**
 * The status under which a failure at Meta is told to whoever orders: what the user or Meta's rules forbid is the request's matter (4xx), what is
 * wrong with our account or with Meta is not (5xx).
 */
const STATUS: Readonly<Record<GraphErrorCode, number>> = {
  GRAPH_PARAMETER_INVALID: 502,
  GRAPH_NUMBER_UNKNOWN: 502,
  GRAPH_AUTH: 502,
  GRAPH_FORBIDDEN: 502,
  GRAPH_ACCOUNT_BLOCKED: 502,
  GRAPH_RATE_LIMITED: 503,
  GRAPH_UNAVAILABLE: 502,
  GRAPH_TIMEOUT: 504,
  GRAPH_PROTOCOL: 502,
  GRAPH_REJECTED: 502,
  GRAPH_ABORTED: 503,
  GRAPH_NO_PAYMENT_METHOD: 502,
  GRAPH_NUMBER_ON_SIP: 502,
  GRAPH_CALLING_OFF: 502,
  GRAPH_NOT_CALLABLE: 422,
  GRAPH_CALLS_TOO_MANY: 429,
  GRAPH_CALL_DUPLICATE: 409,
  GRAPH_CALL_FAILED: 502,
  GRAPH_CALL_RATE_LIMITED: 429,
  GRAPH_NO_CALL_PERMISSION: 403,
  GRAPH_CALL_TIMEOUT: 504,
  GRAPH_PERMISSION_ASKED_TOO_OFTEN: 429,
  GRAPH_CALL_LIMIT: 429,
  GRAPH_CALLING_DISABLED: 502,
  GRAPH_NOT_ALLOWED_RECIPIENT: 403,
  GRAPH_NO_OPEN_CONVERSATION: 409,
  GRAPH_SETUP_FAILED: 502,
  GRAPH_RELAY_FAILED: 502,
  GRAPH_NO_MEDIA_RECEIVED: 502,
  GRAPH_NO_MEDIA_SENT: 502,
  GRAPH_ACCEPTED_WITHOUT_MEDIA: 502,
};

/** What is told of a failure at Meta; undefined for any other error. */
export function graphAnswer(error: unknown): ErrorAnswer | undefined {
  if (!(error instanceof GraphError)) return undefined;
  const { code, message, graphCode, uncertain, retryAfterMs } = error;
  return {
    status: STATUS[code],
    headers: retryAfterMs === undefined ? {} : retryAfter(retryAfterMs),
    error: { code, message, uncertain, ...(graphCode === undefined ? {} : { graphCode }) },
  };
}

/** Codes of `graphAnswer` by status, for the description of a route. `leaveOut`: what cannot come there. */
export function graphCodes(leaveOut: readonly GraphErrorCode[] = []): Record<number, GraphErrorCode[]> {
  const codes: Record<number, GraphErrorCode[]> = {};
  for (const [code, status] of Object.entries(STATUS) as Array<[GraphErrorCode, number]>)
    if (!leaveOut.includes(code)) codes[status] = [...(codes[status] ?? []), code];
  return codes;
}
