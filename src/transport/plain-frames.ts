import type { Duplex } from 'node:stream';

/**
 * The short way of a media socket. Nearly all that a carrier sends is one kind of WebSocket frame: masked, whole, text, a few hundred bytes
 * (RFC 6455 section 5.2). Those are taken out of the stream here and unmasked in place; every other byte (control frames, fragments, long or
 * wrong frames) goes to the library as it came, which answers for the protocol.
 */

/** First byte of a text frame that is a whole message: FIN, no extension, opcode 1. */
const WHOLE_TEXT = 0x81;
const FIN = 0x80;
const EXTENSIONS = 0x70;
const OPCODE = 0x0f;
const CONTINUATION = 0;
const BINARY = 2;
const CLOSE = 8;
const PONG = 10;
/** The longest length that the second byte itself tells, and the longest payload of a control frame, bytes (RFC 6455 section 5.5). */
const CONTROL_MOST = 125;
const MASKED = 0x80;
const MASK_BYTES = 4;

/** Longest message taken, bytes: 100 ms of 16 bits at 24 kHz in base64, and room. A longer one may come in very many pieces. */
const MOST_BYTES = 8_192;

/** What the library takes of one message; it ends the connection beyond. */
export interface MessageLimits {
  readonly bytes: number;
  readonly fragments: number;
}

/**
 * Puts the short way between a server's stream and the library, which must be the only one that reads it: else all stays as it is. Plain text frames
 * within the limits go to `text`, borrowed during the call. Returns how to end it.
 */
export function shorten(stream: Duplex, text: (message: Buffer) => void, limits: MessageLimits): () => void {
  const [library, ...others] = stream.listeners('data');
  if (library === undefined || others.length > 0) return () => {};
  const frames = new PlainFrames((bytes) => library.call(stream, bytes), text, limits);
  stream.off('data', library as (bytes: Buffer) => void);
  stream.on('data', (chunk: Buffer) => frames.push(chunk));
  return () => frames.stop();
}

export class PlainFrames {
  readonly #library: (bytes: Buffer) => void;
  readonly #text: (message: Buffer) => void;
  readonly #limits: MessageLimits;
  readonly #mostBytes: number;
  /** The beginning of a frame whose rest has not come. */
  #begun: Buffer | undefined;
  /** Bytes that are still to come of a frame which is the library's. */
  #passing = 0;
  /** A message in fragments is the library's until its last. */
  #inFragments = false;
  /** What has come of it. */
  #fragments = 0;
  #fragmentBytes = 0;
  /** The frame that passes is the last one of the stream. */
  #closes = false;
  #over = false;

  /**
   * `library` takes bytes of the stream, `text` the payload of a message, borrowed during the call; neither may throw. What is beyond the limits is
   * the library's to refuse.
   */
  constructor(library: (bytes: Buffer) => void, text: (message: Buffer) => void, limits: MessageLimits) {
    this.#library = library;
    this.#text = text;
    this.#limits = limits;
    this.#mostBytes = Math.min(limits.bytes, MOST_BYTES);
  }

  /** The stream is over, or broke the protocol: what still comes is nobody's. */
  stop(): void {
    this.#over = true;
    this.#begun = undefined;
  }

  /** Takes the next bytes of the stream, which are unmasked in place. */
  push(chunk: Buffer): void {
    const bytes = this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = undefined;
    let at = 0;
    while (at < bytes.length && !this.#over) {
      const next = this.#passing > 0 ? this.#pass(bytes, at) : this.#read(bytes, at);
      if (next < 0) {
        this.#begun = bytes.subarray(at);
        return;
      }
      at = next;
    }
  }

  #pass(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#passing);
    this.#passing -= end - at;
    if (this.#passing === 0 && this.#closes) this.stop();
    this.#library(bytes.subarray(at, end));
    return end;
  }

  /** Reads the frame that begins at `at`. Returns where to go on, or -1 when more bytes are needed first. */
  #read(bytes: Buffer, at: number): number {
    if (bytes.length < at + 2) return -1;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const short = second & 0x7f;
    const maskAt = at + 2 + (short < 126 ? 0 : short === 126 ? 2 : 8);
    const from = maskAt + (second < MASKED ? 0 : MASK_BYTES);
    if (bytes.length < from) return -1;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number.POSITIVE_INFINITY;
    if (first !== WHOLE_TEXT || second < MASKED || length > this.#mostBytes || this.#inFragments) {
      this.#passing = this.#judge(first, second, length) ? from - at + length : Number.POSITIVE_INFINITY;
      return at;
    }
    const end = from + length;
    if (bytes.length < end) return -1;
    for (let i = 0; i < length; i++) bytes[from + i]! ^= bytes[maskAt + (i & 3)]!;
    this.#text(bytes.subarray(from, end));
    return end;
  }

  /**
   * Notes what a frame of the library's means for the next; false when all that follows is the library's, too: it is wrong or one too many, so
   * that the library ends the connection there, or it has 64 KiB and more.
   */
  #judge(first: number, second: number, length: number): boolean {
    const opcode = first & OPCODE;
    const whole = (first & FIN) !== 0;
    if (second < MASKED || (first & EXTENSIONS) !== 0 || length === Number.POSITIVE_INFINITY) return false;
    if (opcode >= CLOSE) {
      this.#closes = opcode === CLOSE;
      // By the seven bits: a short length that is written the long way is wrong, too.
      return whole && opcode <= PONG && (second & 0x7f) <= CONTROL_MOST;
    }
    if (opcode > BINARY || (opcode === CONTINUATION) !== this.#inFragments) return false;
    this.#inFragments = !whole;
    this.#fragments++;
    this.#fragmentBytes += length;
    const tooMuch = this.#fragments > this.#limits.fragments || this.#fragmentBytes > this.#limits.bytes;
    if (whole) this.#fragments = this.#fragmentBytes = 0;
    return !tooMuch;
  }
}
