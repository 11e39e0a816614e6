import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refuseUpgrade } from '../../src/transport/refuse-upgrade.ts';
import { type Socket, SocketAcceptor } from '../../src/transport/socket.ts';

/** A form that was posted to the bridge. */
export interface Posted {
  path: string;
  method: string;
  headers: IncomingMessage['headers'];
  form: Record<string, string>;
}

/** What a carrier sends, as a test reads it: which part is there follows from `event`. */
export interface WireMessage {
  event: string;
  sequenceNumber: string;
  streamSid: string;
  start: {
    streamSid: string;
    mediaFormat: { encoding: string; sampleRate: number; channels: number };
    customParameters: Record<string, string>;
  };
  media: { track: string; chunk: string; timestamp: string; payload: string };
  mark: { name: string };
  dtmf: { digit: string; duration: number };
}

/** One media stream as the bridge sees it: written here from scratch, so that the phone is not tested against its own code. */
export class BridgeStream {
  readonly headers: IncomingMessage['headers'];
  /** Every message, with the time it came. */
  readonly messages: Array<{ atMs: number; message: WireMessage }> = [];
  readonly audio: Buffer[] = [];
  streamSid = '';
  /** Called for every message. */
  onMessage: ((event: string, message: WireMessage) => void) | undefined;
  readonly closed = Promise.withResolvers<number>();
  #socket: Socket | undefined;

  constructor(headers: IncomingMessage['headers']) {
    this.headers = headers;
  }

  attach(attach: (handlers: Parameters<Parameters<Parameters<SocketAcceptor['accept']>[3]>[0]>[0]) => Socket): void {
    this.#socket = attach({
      text: (data) => this.#text(data),
      binary: () => {
        throw new Error('a carrier sends no binary messages');
      },
      close: (code) => this.closed.resolve(code),
    });
  }

  media(bytes: Buffer): void {
    this.send({ event: 'media', streamSid: this.streamSid, media: { payload: bytes.toString('base64') } });
  }

  mark(name: string): void {
    this.send({ event: 'mark', streamSid: this.streamSid, mark: { name } });
  }

  clear(): void {
    this.send({ event: 'clear', streamSid: this.streamSid });
  }

  send(message: object | string): void {
    this.#socket?.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#socket?.sendBinary(bytes);
  }

  close(code?: number): void {
    this.#socket?.close(code);
  }

  terminate(): void {
    this.#socket?.terminate();
  }

  /** Messages of one event, in order. */
  of(event: string): Array<{ atMs: number; message: WireMessage }> {
    return this.messages.filter(({ message }) => message.event === event);
  }

  #text(data: Buffer): void {
    const message = JSON.parse(data.toString()) as WireMessage;
    this.messages.push({ atMs: performance.now(), message });
    if (message.event === 'start') this.streamSid = message.start.streamSid;
    if (message.event === 'media') this.audio.push(Buffer.from(message.media.payload, 'base64'));
    this.onMessage?.(message.event, message);
  }
}

/** A bridge of a few lines: answers every webhook with what `answer` says, and hands every stream to `stream`. */
export class TestBridge {
  readonly posts: Posted[] = [];
  readonly streams: BridgeStream[] = [];
  answer: (posted: Posted) => { status?: number; type?: string; body: string } = () => ({ body: '<Response/>' });
  stream: (stream: BridgeStream) => void = () => {};
  refuse: number | undefined;
  readonly #server: Server;
  readonly #acceptor = new SocketAcceptor({ maxMessageBytes: 1 << 20, pingIntervalMs: 0 });

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const url = new URL(request.url ?? '/', this.url);
      const body = request.method === 'GET' ? url.searchParams : new URLSearchParams(Buffer.concat(chunks).toString());
      const posted: Posted = {
        path: url.pathname,
        method: request.method ?? '',
        headers: request.headers,
        form: Object.fromEntries(body),
      };
      this.posts.push(posted);
      const answer = this.answer(posted);
      response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'text/xml', connection: 'close' });
      response.end(answer.body);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      if (this.refuse !== undefined) {
        refuseUpgrade(socket, this.refuse, 'Refused', 'NO');
        return;
      }
      this.#acceptor.accept(request, socket, head, (attach) => {
        const stream = new BridgeStream(request.headers);
        this.streams.push(stream);
        stream.attach(attach);
        this.stream(stream);
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get mediaUrl(): string {
    return `ws://127.0.0.1:${this.port}/media`;
  }

  /** `<Connect><Stream>` to this bridge, with more attributes and children if wanted. */
  connect(attributes = '', inside = ''): string {
    return `<Connect><Stream url="${this.mediaUrl}" ${attributes}>${inside}</Stream></Connect>`;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  close(): Promise<void> {
    for (const stream of this.streams) stream.terminate();
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
