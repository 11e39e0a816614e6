/**
 * Why Meta's Graph API did not do what it was asked, and why Meta says that a call ended, with what each code means to who reads it. A closed
 * set: log field and metric label.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/troubleshooting
 */
export const GRAPH_ERRORS = {
  GRAPH_PARAMETER_INVALID:
    "Meta refuses what it was sent (100, 131008, 131009); its detail is in the log. Of a call it is as a rule the SDP: look at the masked answer in the debug log, and whether RTC_PUBLIC_IP names this machine's public address.",
  GRAPH_NUMBER_UNKNOWN:
    "Meta knows no such phone number, or the token may not use it (100 with subcode 33, 133010). WHATSAPP_PHONE_NUMBER_ID is the number's id in the app's dashboard, not the number.",
  GRAPH_AUTH:
    'Meta does not take the access token (190, 0, 102, HTTP 401): it ran out or was withdrawn. Set WHATSAPP_ACCESS_TOKEN to a permanent one of a system user.',
  GRAPH_FORBIDDEN:
    'The token lacks a permission (3, 10, 200 to 299, 131005, HTTP 403): it needs whatsapp_business_messaging and whatsapp_business_management for this account.',
  GRAPH_ACCOUNT_BLOCKED: 'Meta has locked or restricted the account (368, 131031). The Business Manager says why.',
  GRAPH_RATE_LIMITED:
    'Meta asks to come back later (4, 17, 613, 80007, 130429, 131048, 131056, HTTP 429). What may be repeated is.',
  GRAPH_UNAVAILABLE: 'Meta fails or cannot be reached (1, 2, 131000, 131016, HTTP 5xx). What may be repeated is.',
  GRAPH_TIMEOUT: 'Meta did not answer in time; it may have done what it was asked.',
  GRAPH_PROTOCOL: "Meta's answer is not what it documents.",
  GRAPH_REJECTED: "Meta refuses the request; Meta's own number is beside it.",
  GRAPH_ABORTED: 'Whoever asked gave up before Meta answered.',
  GRAPH_NO_PAYMENT_METHOD:
    'The WhatsApp Business account has no valid payment method (131044). Add one in the Business Manager.',
  GRAPH_NUMBER_ON_SIP:
    'The number is set to SIP, and Meta then takes no call by the Graph API (131055). Turn SIP off in the calling settings of the number.',
  GRAPH_CALLING_OFF:
    'Calling is not enabled for the number (138000). Enable it in the calling settings of the number; the doctor shows them.',
  GRAPH_NOT_CALLABLE:
    'The user cannot be called (138001): his app is too old, calls are not offered where he is, or he has not taken the terms. A number that is shared with the WhatsApp Business app (coexistence) cannot have its calls accepted here either: they stay with the app.',
  GRAPH_CALLS_TOO_MANY:
    'The number has as many calls at once as Meta allows, 1000 (138002). Callers get a message from Meta.',
  GRAPH_CALL_DUPLICATE: 'There is a call between this number and this user already (138003).',
  GRAPH_CALL_FAILED: 'Meta failed inwardly with this call (138004). It is repeated.',
  GRAPH_CALL_RATE_LIMITED: 'The number has placed as many calls as it may in 24 hours (138005).',
  GRAPH_NO_CALL_PERMISSION:
    'The user has not allowed this number to call (138006). Ask for it with POST /whatsapp/permissions.',
  GRAPH_CALL_TIMEOUT:
    'The call was not connected in time (138007): the answer came too late, or media did not come up. Look at the time from webhook to accept, then at the UDP ports.',
  GRAPH_PERMISSION_ASKED_TOO_OFTEN:
    'This user was asked for permission as often as is allowed: once in 24 hours, twice in 7 days; a call that connects sets it back (138009).',
  GRAPH_CALL_LIMIT: 'As many calls with this user were connected as is allowed: 100 in 24 hours (138012).',
  GRAPH_CALLING_DISABLED:
    'Meta has turned calling off for the number because users blocked or reported its calls, or let them ring (138014). It comes back by itself; the WhatsApp Manager says when.',
  GRAPH_NOT_ALLOWED_RECIPIENT:
    'A test number reaches only the numbers on its list of recipients (131030). Add this one in the app dashboard.',
  GRAPH_NO_OPEN_CONVERSATION:
    'The user has not written or called for 24 hours, so that only a template may be sent to him (131047).',
  GRAPH_SETUP_FAILED: 'Meta could not set the call up (138019).',
  GRAPH_RELAY_FAILED: "Meta's relay failed in the call (138020).",
  GRAPH_NO_MEDIA_RECEIVED:
    'No media came through to the user, and WhatsApp ended the call (138021): nothing of ours reached Meta. Check that UDP leaves and enters on the ports of RTC_PORT_RANGE, that the container publishes the same ports, and that RTC_PUBLIC_IP is the public address.',
  GRAPH_NO_MEDIA_SENT:
    'Media of the user stopped and WhatsApp ended the call (138022). As a rule it is his network; where it happens in every call, check the UDP ports and RTC_PUBLIC_IP as for 138021.',
  GRAPH_ACCEPTED_WITHOUT_MEDIA:
    'The call was accepted and no media followed in time (138023). Check the UDP ports and RTC_PUBLIC_IP as for 138021.',
} as const;

export type GraphErrorCode = keyof typeof GRAPH_ERRORS;

/** By Meta's own number. What is repeated is a matter of `RETRYABLE`. */
const BY_NUMBER: Readonly<Record<number, GraphErrorCode>> = {
  0: 'GRAPH_AUTH',
  1: 'GRAPH_UNAVAILABLE',
  2: 'GRAPH_UNAVAILABLE',
  3: 'GRAPH_FORBIDDEN',
  4: 'GRAPH_RATE_LIMITED',
  10: 'GRAPH_FORBIDDEN',
  17: 'GRAPH_RATE_LIMITED',
  33: 'GRAPH_NUMBER_UNKNOWN',
  100: 'GRAPH_PARAMETER_INVALID',
  102: 'GRAPH_AUTH',
  190: 'GRAPH_AUTH',
  368: 'GRAPH_ACCOUNT_BLOCKED',
  613: 'GRAPH_RATE_LIMITED',
  80007: 'GRAPH_RATE_LIMITED',
  130429: 'GRAPH_RATE_LIMITED',
  131000: 'GRAPH_UNAVAILABLE',
  131005: 'GRAPH_FORBIDDEN',
  131008: 'GRAPH_PARAMETER_INVALID',
  131009: 'GRAPH_PARAMETER_INVALID',
  131016: 'GRAPH_UNAVAILABLE',
  131030: 'GRAPH_NOT_ALLOWED_RECIPIENT',
  131031: 'GRAPH_ACCOUNT_BLOCKED',
  131044: 'GRAPH_NO_PAYMENT_METHOD',
  131047: 'GRAPH_NO_OPEN_CONVERSATION',
  131048: 'GRAPH_RATE_LIMITED',
  131055: 'GRAPH_NUMBER_ON_SIP',
  131056: 'GRAPH_RATE_LIMITED',
  133010: 'GRAPH_NUMBER_UNKNOWN',
  138000: 'GRAPH_CALLING_OFF',
  138001: 'GRAPH_NOT_CALLABLE',
  138002: 'GRAPH_CALLS_TOO_MANY',
  138003: 'GRAPH_CALL_DUPLICATE',
  138004: 'GRAPH_CALL_FAILED',
  138005: 'GRAPH_CALL_RATE_LIMITED',
  138006: 'GRAPH_NO_CALL_PERMISSION',
  138007: 'GRAPH_CALL_TIMEOUT',
  138009: 'GRAPH_PERMISSION_ASKED_TOO_OFTEN',
  138012: 'GRAPH_CALL_LIMIT',
  138014: 'GRAPH_CALLING_DISABLED',
  138019: 'GRAPH_SETUP_FAILED',
  138020: 'GRAPH_RELAY_FAILED',
  138021: 'GRAPH_NO_MEDIA_RECEIVED',
  138022: 'GRAPH_NO_MEDIA_SENT',
  138023: 'GRAPH_ACCEPTED_WITHOUT_MEDIA',
};

/** What may pass by itself. */
const RETRYABLE: ReadonlySet<GraphErrorCode> = new Set([
  'GRAPH_RATE_LIMITED',
  'GRAPH_UNAVAILABLE',
  'GRAPH_TIMEOUT',
  'GRAPH_CALL_FAILED',
]);

export interface GraphErrorOptions {
  readonly cause?: unknown;
  readonly uncertain?: boolean;
  readonly status?: number | undefined;
  readonly graphCode?: number | undefined;
  readonly traceId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** A failure of the Graph API. Its message holds no secret and no phone number. */
export class GraphError extends Error {
  readonly code: GraphErrorCode;
  /** Whether the same may be asked again. */
  readonly retryable: boolean;
  /** Whether Meta may have done it all the same: the request went out and no clear answer came back. */
  readonly uncertain: boolean;
  /** HTTP status of the answer. */
  readonly status: number | undefined;
  /** Meta's own number. */
  readonly graphCode: number | undefined;
  /** What Meta's support finds the request by. */
  readonly traceId: string | undefined;
  /** What Meta asked us to wait, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(code: GraphErrorCode, message: string, options: GraphErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GraphError';
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.uncertain = options.uncertain ?? false;
    this.status = options.status;
    this.graphCode = options.graphCode;
    this.traceId = options.traceId;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same failure, of which it is not certain that Meta did nothing. */
  asUncertain(): GraphError {
    const { cause, status, graphCode, traceId, retryAfterMs } = this;
    return new GraphError(this.code, this.message, {
      cause,
      status,
      graphCode,
      traceId,
      retryAfterMs,
      uncertain: true,
    });
  }
}

/** Our code for Meta's number; undefined where the number says nothing to us. */
export function graphCodeOf(number: number | undefined): GraphErrorCode | undefined {
  if (number === undefined) return undefined;
  if (number >= 200 && number <= 299) return 'GRAPH_FORBIDDEN';
  return BY_NUMBER[number];
}

/** Our code for an answer of HTTP; its error numbers count first, since Meta sends most of them with 400. */
export function graphCodeFor(status: number, number?: number, subcode?: number): GraphErrorCode {
  if (number === 100 && subcode === 33) return 'GRAPH_NUMBER_UNKNOWN';
  const known = graphCodeOf(number);
  if (known !== undefined) return known;
  if (status === 401) return 'GRAPH_AUTH';
  if (status === 403) return 'GRAPH_FORBIDDEN';
  if (status === 429) return 'GRAPH_RATE_LIMITED';
  if (status === 408 || status >= 500) return 'GRAPH_UNAVAILABLE';
  return status < 400 ? 'GRAPH_PROTOCOL' : 'GRAPH_REJECTED';
}
