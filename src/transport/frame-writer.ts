import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';

/**
 * The short way out of a WebSocket. A message of text is framed here (RFC 6455 section 5.2), in memory that all sockets of the process share, and given to the
 * stream as one piece; the library, which writes to the same stream, has pings and the closing handshake. What one socket sends while writing is held leaves together.
 */

/** Longest message that is framed here, bytes: 200 ms of 16 bits at 24 kHz in base64, and room. */
export const SHORT_BYTES = 16_384;
const SLAB_BYTES = 8 * SHORT_BYTES;
const HEAD_MOST = 8;
/** What waits while writing is held, bytes: more is written, since nobody who asks how much a socket has not taken is told of what waits here. */
const HELD_MOST = 4_096;
/** From here on the second byte of a frame does not tell the length itself. */
const LONG_FROM = 126;
/** FIN, no extension, opcode 1: a whole message of text. */
const WHOLE_TEXT = 0x81;
const MASKED = 0x80;

/** Where frames are put together; new memory is taken only where the system did not take what was written to a stream that was not behind. */
let slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
let words = new Int32Array(slab.buffer);
/** What lies before it is not ours any more. */
let from = 0;
let at = 0;
/** Whose frames lie from `from` to `at`. */
let owner: FrameWriter | undefined;
/** How many hold writing, and whether a packet is being worked off: apart, so that a packet whose handler throws holds nothing beyond the next one. */
let holders = 0;
let inPacket = false;
/** The piece written last: most have its length, and lie in its place. */
let piece: Buffer = slab.subarray(0, 0);

/** Random numbers for masks (RFC 6455 section 5.3), taken from the system by thousands; and one mask, as bytes and as a word of this machine's order. */
const pool = Buffer.allocUnsafeSlow(8_192);
let drawn = pool.length;
const turned = new Uint8Array(4);
const turnedWord = new Int32Array(turned.buffer);

/** What sockets send from now on waits until `letGoWrites`, 4 KB at most, or until another socket sends. Not held across turns of the event loop. */
export function holdWrites(): void {
  holders++;
}

/** Undoes one `holdWrites`; after the last, what waits is written. */
export function letGoWrites(): void {
  if (--holders === 0 && !inPacket) flushWrites();
}

/** As `holdWrites` and `letGoWrites`, for what a packet that came brings about: what came together goes on together. */
export function packetBegins(): void {
  inPacket = true;
}

export function packetEnds(): void {
  inPacket = false;
  if (holders === 0) flushWrites();
}

/** Writes what waits, whoever's it is. */
function flushWrites(): void {
  if (owner === undefined) return;
  const writer = owner;
  owner = undefined;
  if (piece.byteOffset !== from || piece.length !== at - from) piece = slab.subarray(from, at);
  if (writer.take(piece)) {
    at = from;
    return;
  }
  // It is still being read: the next frames go behind it.
  from = (at + 3) & ~3;
  at = from;
}

/** Makes room for so many bytes of this writer's. */
function reserve(writer: FrameWriter, bytes: number): void {
  if (owner !== writer) flushWrites();
  if (at + bytes > slab.length) {
    flushWrites();
    if (at + bytes > slab.length) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      words = new Int32Array(slab.buffer);
      piece = slab.subarray(0, 0);
      from = 0;
      at = 0;
    }
  }
  owner = writer;
}

export class FrameWriter {
  readonly #stream: Duplex;
  readonly #masks: boolean;

  /** `masks`: it is a client's. */
  constructor(stream: Duplex, masks: boolean) {
    this.#stream = stream;
    this.#masks = masks;
  }

  /** Sends a message; false where it is none for the short way: long, or not ASCII. Nothing of it was sent then. */
  text(text: string): boolean {
    const { length } = text;
    if (length > SHORT_BYTES) return false;
    // A character may have three bytes.
    reserve(this, HEAD_MOST + 3 * length);
    const start = at + this.#headBytes(length);
    if (slab.write(text, start, 'utf8') !== length) {
      if (at === from) owner = undefined;
      return false;
    }
    this.#frame(start, length);
    return true;
  }

  /** Sends a message given as UTF-8 bytes, which are copied; false where it is too long. */
  utf8(bytes: Uint8Array): boolean {
    const { length } = bytes;
    if (length > SHORT_BYTES) return false;
    reserve(this, HEAD_MOST + length);
    const start = at + this.#headBytes(length);
    slab.set(bytes, start);
    this.#frame(start, length);
    return true;
  }

  /** Writes what waits of its own: something else is to be written behind it. */
  flush(): void {
    if (owner === this) flushWrites();
  }

  /** For `flushWrites` alone: gives a piece to the stream. True when the memory is free again. */
  take(bytes: Buffer): boolean {
    const stream = this.#stream;
    // Closed by the far end while writing was held.
    if (!stream.writable) return true;
    // Behind already: it gets memory of its own, or it would keep some of every slab, and so all of them.
    if (stream.writableLength > 0) {
      const own = Buffer.allocUnsafeSlow(bytes.length);
      own.set(bytes);
      stream.write(own);
      return true;
    }
    // By TLS it is always told later that a piece was taken, and each would use the slab up.
    if ('encrypted' in stream) {
      stream.write(Buffer.from(bytes));
      return true;
    }
    stream.write(bytes);
    return stream.writableLength === 0;
  }

  #headBytes(length: number): number {
    return (length < LONG_FROM ? 2 : 4) + (this.#masks ? 4 : 0);
  }

  /** The message lies from `start` on: puts the head before it, and masks it. */
  #frame(start: number, length: number): void {
    let to = at;
    slab[to++] = WHOLE_TEXT;
    const masked = this.#masks ? MASKED : 0;
    if (length < LONG_FROM) slab[to++] = masked | length;
    else {
      slab[to++] = masked | LONG_FROM;
      slab[to++] = length >> 8;
      slab[to++] = length & 0xff;
    }
    if (this.#masks) mask(start, length);
    at = start + length;
    if ((holders === 0 && !inPacket) || at - from >= HELD_MOST) flushWrites();
  }
}

/** Draws a mask, writes it before the message that lies from `start` on, and masks that: most of it four bytes at a time. */
function mask(start: number, length: number): void {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  const key = start - 4;
  for (let i = 0; i < 4; i++) slab[key + i] = pool[drawn++]!;
  const end = start + length;
  const firstWord = Math.min(end, (start + 3) & ~3);
  for (let i = start; i < firstWord; i++) slab[i]! ^= slab[key + (i - start)]!;
  for (let i = 0; i < 4; i++) turned[i] = slab[key + ((firstWord - start + i) & 3)]!;
  const word = turnedWord[0]!;
  const lastWord = firstWord + ((end - firstWord) & ~3);
  for (let i = firstWord >> 2; i < lastWord >> 2; i++) words[i]! ^= word;
  for (let i = lastWord; i < end; i++) slab[i]! ^= slab[key + ((i - start) & 3)]!;
}
