import { SocketAccess } from '../../http/socket-access.ts';
import { CLOSE, SocketAcceptor } from '../../transport/socket.ts';
import {
  admitWatcher,
  EVENTS_PATH,
  EVENTS_PROTOCOL,
  type EventsRouteOptions,
  watchOptions,
} from './events-route-query.ts';

/** Readers have nothing to say. */
const MESSAGE_MOST_BYTES = 1_024;
const PING_INTERVAL_MS = 20_000;

/** The stream as a WebSocket: one text message an event. */
export function eventSockets({
  http,
  hub,
  admin,
  sessions,
  publicUrl,
  clock,
  log,
  watching,
}: EventsRouteOptions): void {
  const access = new SocketAccess({ http, admin, publicUrl, log });
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MESSAGE_MOST_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    clock,
    // The token is never selected: it would be sent back.
    subprotocol: (names) => (names.has(EVENTS_PROTOCOL) ? EVENTS_PROTOCOL : false),
  });

  http.upgrades.serve(EVENTS_PATH, async (request, stream, head) => {
    const asked = await access.admit(request, stream, 'viewer', () => {
      const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '');
      const options = watchOptions(Object.fromEntries(query));
      admitWatcher(hub);
      return options;
    });
    if (asked === undefined) return;
    const { operator, what: options } = asked;
    acceptor.accept(request, stream, head, (attach) => {
      let leave = () => {};
      const socket = attach({
        text: () => {},
        binary: () => {},
        close: () => {
          leave();
          watching('ws', -1);
          watcher.closed();
        },
      });
      watching('ws', 1);
      leave = sessions.begin(operator, () => socket.close(CLOSE.policy, 'the token was revoked'));
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
  });
}
