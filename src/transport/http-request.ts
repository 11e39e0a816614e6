import type { IncomingMessage, RequestOptions } from 'node:http';
import { createRequire } from 'node:module';

/** One request by Node's own HTTP client. */

const require = createRequire(import.meta.url);
// Whoever imports it has all that it exports read, and with that `fetch` loaded, and what that needs. https://nodejs.org/api/http.html#class-websocket
const http = require('node:http') as typeof import('node:http');
const https = require('node:https') as typeof import('node:https');

/** The headers of an answer, by names of any case. */
export interface AnswerHeaders {
  get(name: string): string | null;
}

/** An answer whose body has yet to be read. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: AsyncIterable<Uint8Array> | null;
}

export interface RequestToSend {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/** What a server may want to see of any request, and what a text is where nobody says. */
const DEFAULTS = { accept: '*/*', 'user-agent': 'node' } as const;
const TEXT = { 'content-type': 'text/plain;charset=UTF-8' } as const;
/** Headers that are one, though they come several times: RFC 9110 section 5.2. */
const BETWEEN = ', ';

/** Sends it, and resolves when the head of the answer is there. Rejects with the system's error, or when the signal aborts. Redirects are answers as others are. */
export function send(url: URL, { method, headers, body, signal }: RequestToSend): Promise<OpenAnswer> {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const options: RequestOptions = {
    method,
    signal,
    headers: {
      ...DEFAULTS,
      ...(body === undefined ? {} : TEXT),
      ...given,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, options);
    // Once there is an answer it is the body that fails.
    request.on('error', reject);
    request.once('response', (message) =>
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), body: message }),
    );
    request.end(body);
  });
}

function headersOf({ headersDistinct }: IncomingMessage): AnswerHeaders {
  return { get: (name) => headersDistinct[name.toLowerCase()]?.join(BETWEEN) ?? null };
}
