/** What the Graph API answers when it does not do what it is asked, and what a terminate webhook says of a call that failed. */

/** Meta's own words, shortened. https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/troubleshooting */
const MEANINGS: Readonly<Record<number, string>> = {
  1: 'An unknown error occurred',
  4: 'Application request limit reached',
  100: 'Invalid parameter',
  190: 'Invalid OAuth access token',
  130429: 'Rate limit hit',
  131000: 'Something went wrong',
  131009: 'Parameter value is not valid',
  131044: 'Business eligibility payment issue',
  131055: 'Method not allowed: SIP is enabled for the number',
  138000: 'Calling not enabled',
  138001: 'Receiver uncallable',
  138002: 'Concurrent calls limit reached',
  138003: 'Duplicate call',
  138004: 'Connection error',
  138005: 'Call rate limit exceeded',
  138006: 'No approved call permission from the recipient',
  138007: 'Connection timeout',
  138009: 'Call permission request limit hit',
  138012: 'Business initiated call limit hit',
  138014: 'Calling is disabled because of low quality',
  138019: 'The call could not be set up',
  138020: 'The relay failed',
  138021: 'No media was received',
  138022: 'No media was sent',
  138023: 'The call was accepted without media',
};

/** Those that do not come with HTTP 400. */
const STATUSES: Readonly<Record<number, number>> = { 1: 500, 4: 429, 190: 401, 130429: 429, 131000: 500, 138004: 500 };

export class GraphFailure extends Error {
  /** Meta's number. */
  readonly code: number;
  readonly status: number;
  readonly details: string;
  readonly subcode: number | undefined;

  constructor(code: number, details = '', more: { status?: number; subcode?: number } = {}) {
    super(MEANINGS[code] ?? 'Error');
    this.code = code;
    this.details = details === '' ? this.message : details;
    this.status = more.status ?? STATUSES[code] ?? 400;
    this.subcode = more.subcode;
  }

  /** The body of the answer. */
  get body(): object {
    return {
      error: {
        message: `(#${this.code}) ${this.message}`,
        type: 'OAuthException',
        code: this.code,
        ...(this.subcode === undefined ? {} : { error_subcode: this.subcode }),
        error_data: { messaging_product: 'whatsapp', details: this.details },
        fbtrace_id: 'AsimulatedTraceIdOf20',
      },
    };
  }
}

/** The entry of `errors` in a webhook. */
export function webhookError(code: number, details = MEANINGS[code] ?? 'Error'): object {
  return {
    code,
    message: MEANINGS[code] ?? 'Error',
    href: 'https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/troubleshooting',
    error_data: { details },
  };
}
