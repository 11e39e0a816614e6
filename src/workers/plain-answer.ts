import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { readAgain } from './first-bytes.ts';

/** How long a client may take to read it and to close its end, ms. */
const LINGER_MS = 1_000;

/** Answers a connection that no worker gets, as all errors are answered, and ends it. */
export function plainAnswer(socket: Socket, status: number, code: string, message: string): void {
  const body = JSON.stringify({ error: { code, message } });
  const text = STATUS_CODES[status] ?? '';
  const retry = status === 503 ? 'Retry-After: 1\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${retry}Connection: close\r\n\r\n${body}`,
  );
  // Destroying at once would reset the connection where unread bytes are left, and the client might lose the answer.
  readAgain(socket);
  socket.resume();
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}
