import type { Socket } from 'node:net';
import type { Clock } from '../call/clock.ts';
import { type RequestLine, readRequestLine } from './request-line.ts';

/**
 * Reads a connection until the line that says what is asked for, and not a byte further than came with it: what comes then is read by whoever gets the
 * socket.
 */
export interface FirstBytesOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** How long the line may take, ms. */
  readonly withinMs: number;
  /** Told once, with the socket at rest, everything read so far and what it asks for. */
  readonly taken: (read: Buffer, line: NonNullable<RequestLine>) => void;
  /** Told once in place of it: no line came in time; or, `closed`, it was closed before. */
  readonly none: (why: 'late' | 'closed') => void;
}

export function firstBytes(socket: Socket, { clock, withinMs, taken, none }: FirstBytesOptions): void {
  // Room that doubles: put together anew with each byte, a line would cost the square of its length.
  let room = Buffer.alloc(0);
  let length = 0;
  let isOver = false;
  const over = () => {
    isOver = true;
    late.cancel();
    socket.off('data', onData).off('close', onClose).off('end', onClose);
  };
  const late = clock.after(withinMs, () =>
    // After what has come is read: where this process stood still, that is the line, maybe.
    setImmediate(() => {
      if (isOver) return;
      over();
      none('late');
    }),
  );
  const onClose = () => {
    over();
    none('closed');
  };
  const onData = (chunk: Buffer) => {
    const before = room.subarray(0, length);
    length += chunk.length;
    if (length > room.length) {
      room = Buffer.alloc(2 * length);
      before.copy(room);
    }
    chunk.copy(room, before.length);
    const read = room.subarray(0, length);
    const line = readRequestLine(read);
    if (line === undefined) return;
    over();
    stopReading(socket);
    taken(read, line);
  };
  socket.on('data', onData).once('close', onClose).once('end', onClose);
}

interface Reading {
  reading?: boolean;
  readStop?(): number;
}

/**
 * Nothing more is read of it in this process. `pause` alone goes on reading into the stream's own buffer, and those bytes would stay here when the socket is
 * handed over; Node offers this under no public name (`pauseOnConnect` does the same, before anything is read).
 */
function stopReading(socket: Socket): void {
  socket.pause();
  const { _handle: handle } = socket as Socket & { _handle?: Reading | null };
  if (handle === undefined || handle === null) return;
  if (handle.readStop === undefined)
    throw new Error('this version of Node cannot hand over a socket that was read from');
  handle.reading = false;
  handle.readStop();
  // The stream would ask for more in its next turn, as long as its buffer has room, and that begins anew.
  socket._read = () => {};
}

/** It is read of again in this process, after all. */
export function readAgain(socket: Socket): void {
  if (!Object.hasOwn(socket, '_read')) return;
  Reflect.deleteProperty(socket, '_read');
  socket._read(0);
}
