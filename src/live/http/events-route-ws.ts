import type { IncomingMessage } from 'node:http';
import { adminCheck } from '../../http/admin.ts';
import { ApiError } from '../../http/api-error.ts';
import { CLOSE, SocketAcceptor } from '../../transport/socket.ts';
import {
  admitWatcher,
  BEARER_PREFIX,
  EVENTS_PATH,
  EVENTS_PROTOCOL,
  type EventsRouteOptions,
  watchOptions,
} from './events-route-query.ts';

/** Readers have nothing to say. */
const MESSAGE_MOST_BYTES = 1_024;
const PING_INTERVAL_MS = 20_000;

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

/** The stream as a WebSocket: one text message an event. */
export function eventSockets({ http, hub, admin, publicUrl, clock, log, watching }: EventsRouteOptions): void {
  const check = adminCheck(admin);
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MESSAGE_MOST_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    clock,
    // The token is never selected: it would be sent back.
    subprotocol: (names) => (names.has(EVENTS_PROTOCOL) ? EVENTS_PROTOCOL : false),
  });

  http.upgrades.serve(EVENTS_PATH, (request, stream, head) => {
    const refuse = (error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      const fields = { remoteAddress: http.upgrades.addressOf(request), code: error.code };
      if (error.code === 'ADMIN_TOKEN_INVALID') log.warn({ ...fields, route: EVENTS_PATH }, 'admin token is wrong');
      else log.debug(fields, 'a reader of events was refused');
      http.upgrades.refuse(stream, error.status, error.code);
    };
    try {
      if (!isOwnPage(request, publicUrl)) throw new ApiError(403, 'ORIGIN_REFUSED', 'a page of another site asks');
      check(request, tokenOffered(request));
      const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '');
      const options = watchOptions(Object.fromEntries(query));
      admitWatcher(hub);
      acceptor.accept(request, stream, head, (attach) => {
        const socket = attach({
          text: () => {},
          binary: () => {},
          close: () => {
            watching('ws', -1);
            watcher.closed();
          },
        });
        watching('ws', 1);
        const watcher = hub.watch(
          {
            send: (message) => void socket.send(message),
            get bufferedBytes() {
              return socket.bufferedBytes;
            },
            end: (why, words) => socket.close(why === 'slow' ? CLOSE.tryLater : CLOSE.goingAway, words),
          },
          options,
        );
      });
    } catch (error) {
      refuse(error);
    }
  });
}
