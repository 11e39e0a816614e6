import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Timer } from '../../call/clock.ts';
import type { Operator } from '../../http/operators.ts';
import type { WatchOptions } from '../watcher.ts';
import type { EventsRouteOptions } from './events-route-query.ts';

/** A comment this often keeps proxies from closing a quiet stream, ms. */
const HEARTBEAT_MS = 15_000;
/** How long a client may take for the last words, ms. */
const LINGER_MS = 2_000;

/**
 * Server-sent events, for curl and for whoever wants no WebSocket: each message is one `data` line of the same JSON, with the event's id, so
 * that a client which comes back says by Last-Event-ID where it was.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function eventStream(
  { hub, clock, sessions, watching }: EventsRouteOptions,
  operator: Operator,
  options: WatchOptions,
  reply: FastifyReply,
): void {
  reply.hijack();
  const { raw } = reply;
  // Who went while it was looked up who he is: the end of his connection was told already, and will not be again.
  if (raw.destroyed) return;
  raw.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // nginx would gather the events in a buffer.
    'x-accel-buffering': 'no',
  });
  let heartbeat: Timer | undefined;
  const beat = () => {
    if (raw.writableLength === 0) raw.write(':\n\n');
    heartbeat = clock.after(HEARTBEAT_MS, beat);
  };
  raw.write(': events\n\n');
  heartbeat = clock.after(HEARTBEAT_MS, beat);
  watching('sse', 1);
  // Something has to listen: a connection reset while a message is written must not end the process.
  raw.on('error', () => {});
  const watcher = hub.watch(
    {
      send: (message, id) => void raw.write(`${id === undefined ? '' : `id: ${id}\n`}data: ${message}\n\n`),
      get bufferedBytes() {
        return raw.writableLength;
      },
      end(why, words) {
        raw.end(`: ${why}: ${words}\n\n`);
        const linger = clock.after(LINGER_MS, () => raw.destroy());
        raw.once('close', () => linger.cancel());
      },
    },
    options,
  );
  const leave = sessions.begin(operator, () => raw.destroy());
  const over = () => {
    leave();
    heartbeat?.cancel();
    heartbeat = undefined;
    watching('sse', -1);
    watcher.closed();
  };
  raw.once('close', over);
}
