/** An error as the service tells it, in an HTTP body or in an `error` event. */
export class ServiceError extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    options: { status?: number; type?: string; code?: string; param?: string; retryAfterSeconds?: number } = {},
  ) {
    super(message);
    this.name = 'ServiceError';
    this.status = options.status ?? 400;
    this.type = options.type ?? (this.status >= 500 ? 'server_error' : 'invalid_request_error');
    this.code = options.code ?? null;
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** The JSON body of an HTTP answer. */
  toBody(): string {
    return JSON.stringify({
      error: { message: this.message, type: this.type, param: this.param, code: this.code },
    });
  }
}

const STATUS_CODES: Record<number, { type: string; code: string; message: string }> = {
  401: { type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key provided.' },
  403: { type: 'invalid_request_error', code: 'unsupported_country_region_territory', message: 'Access denied.' },
  404: { type: 'invalid_request_error', code: 'not_found', message: 'Not found.' },
  429: { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached for requests.' },
  500: {
    type: 'server_error',
    code: 'server_error',
    message: 'The server had an error while processing your request.',
  },
  503: { type: 'server_error', code: 'server_overloaded', message: 'The server is overloaded. Try again later.' },
};

/** The usual error of a status, for faults that a scenario asks for. */
export function statusError(status: number, code?: string, retryAfterSeconds?: number): ServiceError {
  const known = STATUS_CODES[status] ?? {
    type: status >= 500 ? 'server_error' : 'invalid_request_error',
    code: status >= 500 ? 'server_error' : 'invalid_request',
    message: `The request was refused with status ${status}.`,
  };
  return new ServiceError(known.message, {
    status,
    type: known.type,
    code: code ?? known.code,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

export function invalidKey(
  message = 'Incorrect API key provided. You can find your API key in your account.',
): ServiceError {
  return new ServiceError(message, { status: 401, code: 'invalid_api_key' });
}
