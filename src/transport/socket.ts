import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type Clock, systemClock, type Timer } from '../call/clock.ts';
import { BridgeError } from '../errors.ts';
import { FrameWriter, holdWrites, letGoWrites, packetBegins, packetEnds } from './frame-writer.ts';
import { retryAfterMs } from './http.ts';
import { asksForWebSocket } from './upgrade-request.ts';

/**
 * The only place that knows the WebSocket library. A `Socket` is one connection, either end: bounded messages, no compression (it
 * costs a context per connection and media does not shrink), heartbeat, and a close that always ends.
 */

/** What a socket tells its owner. All are called from the event loop and must not throw. */
export interface SocketHandlers {
  /** A text message, still as UTF-8 bytes: who reads media decodes it the cheap way. Borrowed during the call. */
  text(data: Buffer): void;
  /** A binary message. Borrowed during the call. */
  binary(data: Buffer): void;
  /** Called exactly once, whatever ended it. 1006 means the line broke without a word. */
  close(code: number, reason: string): void;
}

export interface SocketOptions {
  /** Largest message accepted, bytes; a larger one closes the socket with 1009. */
  maxMessageBytes: number;
  /** Interval of protocol pings, ms; two unanswered in a row end the socket. 0 turns them off. */
  pingIntervalMs: number;
  clock?: Clock;
}

/** RFC 6455 section 7.4.1 codes that the bridge sends. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocol: 1002,
  unsupported: 1003,
  policy: 1008,
  tooBig: 1009,
  internal: 1011,
  tryLater: 1013,
} as const;

/** Fragments that a client may send a message in: a browser cuts a long one, nobody else cuts any. */
const MOST_FRAGMENTS = 64;
/** Pieces of the stream in which a message may come, at the least: those of a long one are 64 bytes long on average. */
const LEAST_PIECES = 1_024;
const PIECE_BYTES = 64;

const AS_TEXT = { binary: false } as const;

/** What a socket has besides the library. */
interface Below {
  /** What the library writes to. */
  readonly stream: Duplex;
  /** Whether this end is the client. */
  readonly client: boolean;
  /** Whether short messages of text come fifty times a second: what those of one packet bring about leaves together. */
  readonly media: boolean;
}

/** How long a closing handshake may take before the connection is cut, ms. */
const CLOSE_DEADLINE_MS = 2_000;

export class Socket {
  readonly #ws: WebSocket;
  readonly #writer: FrameWriter;
  readonly #handlers: SocketHandlers;
  readonly #clock: Clock;
  #ping: Timer | undefined;
  readonly #pingIntervalMs: number;
  #closing: Timer | undefined;
  #closed = false;
  #missed = 0;
  #pingSentAt = 0;
  #rttMs: number | undefined;

  /** Attaches every handler at once, so that no message which came with the handshake is lost. */
  constructor(ws: WebSocket, handlers: SocketHandlers, options: SocketOptions, below: Below) {
    this.#ws = ws;
    this.#writer = new FrameWriter(below.stream, below.client);
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#pingIntervalMs = options.pingIntervalMs;
    ws.on('message', (data: RawData, isBinary: boolean) => {
      if (this.#closing !== undefined) return;
      const bytes = data as Buffer;
      if (isBinary) this.#handlers.binary(bytes);
      else this.#handlers.text(bytes);
    });
    ws.on('pong', () => {
      this.#missed = 0;
      this.#rttMs = this.#clock.now() - this.#pingSentAt;
    });
    ws.on('close', (code: number, reason: Buffer) => this.#onClose(code, reason.toString()));
    // 'close' always follows 'error' and carries the code; the listener keeps an error from becoming an uncaught exception.
    ws.on('error', () => {});
    // The first ping goes soon: its round trip is needed to judge what the far end has heard.
    if (options.pingIntervalMs > 0) this.#pingIn(Math.min(1_000, options.pingIntervalMs));
    // The library closes by itself, too, where the far end does or breaks the protocol: nothing is sent behind its close frame (RFC 6455 section 5.5.1).
    const close = ws.close.bind(ws);
    ws.close = (code, reason) => {
      this.#writer.flush();
      close(code, reason);
    };
    if (!below.media) return;
    below.stream.prependListener('data', packetBegins);
    below.stream.on('data', packetEnds);
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN && this.#closing === undefined;
  }

  /** Bytes accepted by `send` that the operating system has not taken yet, but for what waits while writing is held (4 KB at most): the back-pressure reading. */
  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** The last measured round trip of a ping, ms; undefined before the first pong. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Sends one text message. Returns false when the socket is not open; nothing is queued then. */
  send(text: string): boolean {
    if (!this.isOpen) return false;
    if (this.#writer.text(text)) return true;
    this.#writer.flush();
    this.#ws.send(text);
    return true;
  }

  /** Sends one text message given as UTF-8 bytes, which are copied before it returns. */
  sendUtf8(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    if (this.#writer.utf8(bytes)) return true;
    this.#writer.flush();
    this.#ws.send(Buffer.from(bytes), AS_TEXT);
    return true;
  }

  /** Sends one binary message; the bytes are copied or written before return only as far as the kernel takes them, so do not reuse them. */
  sendBinary(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.#writer.flush();
    this.#ws.send(bytes, { binary: true });
    return true;
  }

  /**
   * Text that is sent until `uncork` leaves in one write of 4 KB, or some more; what waits goes before that where a long or a binary message follows, or another
   * socket sends. To be undone before the turn of the event loop ends.
   */
  cork(): void {
    holdWrites();
  }

  uncork(): void {
    letGoWrites();
  }

  /** Writes what was sent while it is corked. */
  flush(): void {
    this.#writer.flush();
  }

  /** Stops or resumes reading from the network: the far end feels it as TCP back-pressure. */
  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** Closing handshake, then a cut when the far end does not answer within 2 s. Idempotent. No message is delivered after it. */
  close(code: number = CLOSE.normal, reason = ''): void {
    if (this.#closed || this.#closing !== undefined) return;
    this.#closing = this.#clock.after(CLOSE_DEADLINE_MS, () => this.#ws.terminate());
    this.#ws.close(code, reason);
  }

  /** Cuts the connection without a handshake; what waits is written before. The close handler still runs. */
  terminate(): void {
    this.#writer.flush();
    this.#ws.terminate();
  }

  /**
   * Pings now, in place of the ping that would be due next: for somebody who wonders whether the far end is still there. Asked again and
   * again it finds a half-open connection so much sooner. Without a heartbeat it does nothing.
   */
  probe(): void {
    if (this.#pingIntervalMs > 0 && this.#closing === undefined) this.#beat();
  }

  #beat(): void {
    this.#ping?.cancel();
    if (this.#closed) return;
    if (this.#missed >= 2) {
      this.#ws.terminate();
      return;
    }
    if (this.#ws.readyState === WebSocket.OPEN) {
      this.#missed++;
      this.#pingSentAt = this.#clock.now();
      this.#writer.flush();
      this.#ws.ping();
    }
    this.#pingIn(this.#pingIntervalMs);
  }

  #pingIn(ms: number): void {
    this.#ping = this.#clock.after(ms, () => this.#beat());
  }

  #onClose(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ping?.cancel();
    this.#closing?.cancel();
    this.#handlers.close(code, reason);
  }
}

/**
 * Accepts upgrades that the HTTP server hands over. It never listens itself and keeps no list of clients. `media`: its sockets get short text messages
 * fifty times a second, which are told unread: who reads them sees whether they are UTF-8.
 */
export class SocketAcceptor {
  readonly #server: WebSocketServer;
  readonly #options: SocketOptions;
  readonly #media: boolean;

  constructor(options: SocketOptions & { subprotocol?: (offered: Set<string>) => string | false; media?: boolean }) {
    this.#options = options;
    this.#media = options.media ?? false;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      maxFragments: MOST_FRAGMENTS,
      maxBufferedChunks: Math.max(LEAST_PIECES, Math.ceil(options.maxMessageBytes / PIECE_BYTES)),
      skipUTF8Validation: this.#media,
      ...(options.subprotocol === undefined ? {} : { handleProtocols: options.subprotocol }),
    });
  }

  /** Completes the handshake and calls `connected`, which returns the handlers before any message can arrive. */
  accept(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    connected: (attach: (handlers: SocketHandlers) => Socket) => void,
  ): void {
    // The library takes no list; what else was offered is passed over.
    if (asksForWebSocket(request)) request.headers.upgrade = 'websocket';
    this.#server.handleUpgrade(request, stream, head, (ws) =>
      connected((handlers) => new Socket(ws, handlers, this.#options, { stream, client: false, media: this.#media })),
    );
  }
}

/**
 * Opens a client socket. Rejects with SOCKET_CONNECT_TIMEOUT, SOCKET_REFUSED (an HTTP answer instead of 101; `status` holds it, `retryAfterMs` what it asks for),
 * SOCKET_CONNECT_FAILED, or the signal's reason. After it resolved only `handlers.close` tells of the end.
 */
export function openSocket(
  url: string,
  handlers: SocketHandlers,
  options: SocketOptions & {
    headers?: Record<string, string>;
    protocols?: string[];
    connectTimeoutMs: number;
    signal?: AbortSignal;
  },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(options.signal.reason);
      return;
    }
    const ws = new WebSocket(url, options.protocols ?? [], {
      headers: options.headers ?? {},
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      // Model audio is trusted to be UTF-8: the check would read every byte of every delta once more.
      skipUTF8Validation: true,
      followRedirects: false,
    });
    let settled = false;
    const fail = (error: unknown) => {
      if (settled) return;
      settled = true;
      cleanup();
      ws.on('error', () => {});
      ws.terminate();
      reject(error);
    };
    const clock = options.clock ?? systemClock;
    const timer = clock.after(options.connectTimeoutMs, () =>
      fail(
        new BridgeError('SOCKET_CONNECT_TIMEOUT', `no WebSocket within ${options.connectTimeoutMs} ms`, {
          retryable: true,
        }),
      ),
    );
    const onAbort = () => fail(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const cleanup = () => {
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    };
    const onError = (cause: Error) =>
      fail(
        new BridgeError('SOCKET_CONNECT_FAILED', `the WebSocket could not be opened: ${cause.message}`, {
          cause,
          retryable: true,
        }),
      );
    ws.on('error', onError);
    ws.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      const { headers } = response;
      const waitMs = retryAfterMs({ get: (name) => headers[name]?.toString() ?? null }, clock.wall());
      response.resume();
      fail(
        new BridgeError('SOCKET_REFUSED', `the WebSocket was refused with HTTP ${status}`, {
          status,
          retryable: status === 429 || status >= 500,
          ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
        }),
      );
    });
    ws.on('upgrade', (response) => {
      // The socket takes over at 'upgrade', before 'open': a server may speak in the same packet as its 101.
      if (settled) return;
      let opened = false;
      const socket = new Socket(
        ws,
        {
          text: (data) => handlers.text(data),
          binary: (data) => handlers.binary(data),
          // A handshake that breaks after its 101 is a failure to connect, not the end of a connection.
          close: (code, reason) => {
            if (opened) handlers.close(code, reason);
          },
        },
        options,
        { stream: response.socket, client: true, media: false },
      );
      ws.once('open', () => {
        if (settled) return;
        settled = true;
        opened = true;
        cleanup();
        ws.off('error', onError);
        resolve(socket);
      });
    });
  });
}
