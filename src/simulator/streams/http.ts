import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { BridgeError } from '../../errors.ts';
import { requestUrl } from '../../transport/request-url.ts';

/** What the stand-ins of providers have in common: a server on loopback, bodies with a limit, answers in JSON. */

/** An answer other than 2xx, thrown. */
export class Refused extends Error {
  readonly status: number;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export interface Answer {
  readonly status: number;
  readonly body: object;
}

export interface StandIn {
  readonly port: number;
  close(): Promise<void>;
}

const MOST_BODY_BYTES = 256 * 1024;

/** Listens on loopback. `port` 0: a free one. Rejects with LISTEN_FAILED. */
export async function listenOn(
  port: number,
  answer: (request: IncomingMessage, url: URL) => Promise<Answer>,
  upgrade: (request: IncomingMessage, stream: Duplex, head: Buffer, url: URL) => void,
): Promise<StandIn> {
  const urlOf = (request: IncomingMessage) => {
    const url = requestUrl(request);
    if (url === undefined) throw new Refused(400, { message: 'Bad request' });
    return url;
  };
  const server = createServer((request, response) => {
    const answering = async () => answer(request, urlOf(request));
    void answering().then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => {
        if (error instanceof Refused) send(response, error.status, error.body, error.headers);
        else send(response, 500, { message: 'Internal server error' });
      },
    );
  });
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => {});
    try {
      upgrade(request, stream, head, urlOf(request));
    } catch (error) {
      refuse(stream, error instanceof Refused ? error : new Refused(500, {}));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new BridgeError('LISTEN_FAILED', 'the stand-in cannot listen', { cause })));
    server.listen(port, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function send(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function refuse(stream: Duplex, { status, body }: Refused): void {
  const text = JSON.stringify(body);
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** A request's JSON body. Throws a Refused with 400, or 413. */
export async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MOST_BODY_BYTES) throw new Refused(413, { message: 'Payload Too Large' });
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refused(400, { message: 'the body is no JSON', error: 'Bad Request', statusCode: 400 });
  }
}
