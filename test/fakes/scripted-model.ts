import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../../src/transport/refuse-upgrade.ts';
import { type Socket, SocketAcceptor } from '../../src/transport/socket.ts';

/** One session on the scripted server. */
export interface ScriptedSession {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly socket: Socket;
  /** Client events, audio left out. */
  readonly received: Array<Record<string, unknown> & { type: string }>;
  /** Bytes of caller audio. */
  audioBytes: number;
  closed: { code: number; reason: string } | undefined;
  says(event: object | string): void;
}

export interface Script {
  /** HTTP status that refuses the upgrade; undefined accepts it. */
  upgrade?: number;
  /** Status and body of the key's answer. */
  key?: { status: number; body: unknown; headers?: Record<string, string> };
  /** Formats that the confirmation states; the asked-for ones when left out. */
  audio?: unknown;
  /** Never answers `session.update`. */
  mute?: boolean;
}

/** A real server on a free port that does what a test tells it: for what only real sockets show. */
export class ScriptedModel {
  readonly sessions: ScriptedSession[] = [];
  readonly keyRequests: Array<{ url: string; headers: IncomingMessage['headers']; body: string }> = [];
  script: Script = {};
  readonly #server: Server;
  readonly #streams = new Set<Duplex>();
  readonly #acceptor = new SocketAcceptor({ maxMessageBytes: 1 << 20, pingIntervalMs: 0 });

  private constructor() {
    this.#server = createServer((request, response) => this.#onRequest(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      this.#streams.add(stream);
      stream.on('close', () => this.#streams.delete(stream));
      this.#onUpgrade(request, stream, head);
    });
  }

  static async listen(): Promise<ScriptedModel> {
    const model = new ScriptedModel();
    await new Promise<void>((resolve) => model.#server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** Connections that are still open. */
  get open(): number {
    return this.#streams.size;
  }

  get last(): ScriptedSession {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error('nothing connected yet');
    return session;
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      this.keyRequests.push({ url: request.url ?? '', headers: request.headers, body });
      const answer = this.script.key ?? {
        status: 200,
        body: { value: `ek_${this.keyRequests.length}`, expires_at: 0 },
      };
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(JSON.stringify(answer.body));
    });
  }

  #onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    if (this.script.upgrade !== undefined) {
      refuseUpgrade(stream, this.script.upgrade, 'Refused', 'refused');
      return;
    }
    this.#acceptor.accept(request, stream, head, (attach) => {
      const id = `sess_${this.sessions.length + 1}`;
      const received: ScriptedSession['received'] = [];
      const socket = attach({
        text: (data) => {
          const event = JSON.parse(data.toString()) as ScriptedSession['received'][number];
          if (event.type === 'input_audio_buffer.append') {
            session.audioBytes += Buffer.from(event['audio'] as string, 'base64').length;
            return;
          }
          received.push(event);
          if (event.type === 'session.update' && this.script.mute !== true) {
            const asked = (event['session'] as { audio?: unknown }).audio;
            session.says({ type: 'session.updated', session: { id, audio: this.script.audio ?? asked } });
          }
        },
        binary() {},
        close: (code, reason) => {
          session.closed = { code, reason };
        },
      });
      const session: ScriptedSession = {
        url: request.url ?? '',
        headers: request.headers,
        socket,
        received,
        audioBytes: 0,
        closed: undefined,
        says: (event) => {
          socket.send(typeof event === 'string' ? event : JSON.stringify(event));
        },
      };
      this.sessions.push(session);
      session.says({ type: 'session.created', session: { id } });
    });
  }
}
