import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that a connection may have waiting behind the one that is answered; clients that send ahead at all send a few. */
export const WAITING_MOST = 16;

/**
 * Serves the requests of one connection one after the other. Node hands on all that came in one packet before any is answered, two thousand
 * of the smallest, and meanwhile no call's audio moves, though most would be refused. Here what waits behind an answer that closes the
 * connection is never looked at, and a connection with more waiting than `WAITING_MOST` is cut, and told to `cut`.
 */
export function oneAtATime(serve: RequestListener, cut: () => void): RequestListener {
  /** By connection with a request that is being answered: what waits behind it. */
  const waiting = new WeakMap<Socket, Array<() => void>>();
  return (request, response) => {
    const { socket } = request;
    // What else came in the packet after which it was cut.
    if (socket.destroyed) return;
    const begin = () => {
      response.once('close', () => {
        const next = waiting.get(socket)?.shift();
        if (next === undefined || socket.destroyed || !socket.writable) waiting.delete(socket);
        else next();
      });
      serve(request, response);
    };
    const behind = waiting.get(socket);
    if (behind === undefined) {
      waiting.set(socket, []);
      begin();
    } else if (behind.length < WAITING_MOST) behind.push(begin);
    else {
      cut();
      socket.destroy();
    }
  };
}
