import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../call/leg.ts';
import { type AdminOptions, adminCheck } from './admin.ts';
import { ApiError, answerOf } from './api-error.ts';
import type { Operator, Role } from './operators.ts';
import type { HttpServer } from './server.ts';

/** Who may open a WebSocket of operators: the same as with any route, and of pages those of this console alone. */

/** Before the token in a second subprotocol: a page's WebSocket can send no header but this one. */
export const BEARER_PREFIX = 'bearer.';

export interface SocketAccessOptions {
  readonly http: Pick<HttpServer, 'upgrades'>;
  readonly admin: AdminOptions;
  /** Where pages of ours come from besides the host that was asked. */
  readonly publicUrl: string | undefined;
  readonly log: Pick<Log, 'warn' | 'debug'>;
}

/** The subprotocols that a client offers (RFC 6455, section 11.3.4). */
function offered(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

/** The token that a page brings as a subprotocol: `bearer.` and the token in base64url. */
function tokenOffered(request: IncomingMessage): string | undefined {
  const encoded = offered(request).find((name) => name.startsWith(BEARER_PREFIX));
  return encoded === undefined
    ? undefined
    : Buffer.from(encoded.slice(BEARER_PREFIX.length), 'base64url').toString('utf8');
}

/**
 * Whether a browser's page may ask. The same-origin policy does not hold for WebSockets: any site's page can open one here, and the browser
 * only says whose it is. Clients that are no browser say nothing.
 */
function isOwnPage({ headers }: IncomingMessage, publicUrl: string | undefined): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin).host;
  return from === host?.toLowerCase() || (publicUrl !== undefined && from === new URL(publicUrl).host);
}

export class SocketAccess {
  readonly #o: SocketAccessOptions;
  readonly #check: ReturnType<typeof adminCheck>;

  constructor(options: SocketAccessOptions) {
    this.#o = options;
    this.#check = adminCheck(options.admin);
  }

  /**
   * Who asks, and what `read` makes of the request, before the handshake; undefined where it was refused, which is answered then. A client that goes
   * meanwhile is refused as well.
   */
  async admit<T>(
    request: IncomingMessage,
    stream: Duplex,
    least: Role,
    read: (operator: Operator) => T | Promise<T>,
  ): Promise<{ readonly operator: Operator; readonly what: T } | undefined> {
    try {
      if (!isOwnPage(request, this.#o.publicUrl))
        throw new ApiError(403, 'ORIGIN_REFUSED', 'a page of another site asks');
      const operator = await this.#check(request, least, tokenOffered(request));
      const what = await read(operator);
      return stream.destroyed ? undefined : { operator, what };
    } catch (error) {
      this.refuse(request, stream, error);
      return undefined;
    }
  }

  /** Answers an upgrade with what is told of this error; throws what nobody foresaw. */
  refuse(request: IncomingMessage, stream: Duplex, error: unknown): void {
    const { http, log } = this.#o;
    const { status, headers, error: told } = answerOf(error);
    if (told.code === 'INTERNAL') throw error;
    const [route = ''] = (request.url ?? '').split('?', 1);
    const fields = { remoteAddress: http.upgrades.addressOf(request), code: told.code, route };
    if (told.code === 'ADMIN_TOKEN_INVALID') log.warn(fields, 'admin token is wrong');
    else log.debug(fields, 'a socket of an operator was refused');
    http.upgrades.refuse(stream, status, told.code, headers);
  }
}
