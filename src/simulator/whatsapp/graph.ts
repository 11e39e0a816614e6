/** The Graph API on a local port: HTTP, the bearer token, faults on purpose, and a power switch. What it does is in `routes.ts`. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import { requestUrl } from '../../transport/request-url.ts';
import { Faults } from '../carrier/faults.ts';
import { keyOf, readBody, sendJson } from '../realtime/http-body.ts';
import { GraphFailure } from './graph-error.ts';
import { answerGraph, type Behind, type GraphRequest } from './routes.ts';

/** What it does wrong, once for each: the next request that fits gets the first that is left. `action`: `accept`, `messages` and so on; any when left out. */
export type GraphFault = { readonly action?: string } & (
  | { readonly kind: 'error'; readonly code: number; readonly details?: string }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Reads the request and never answers. */
  | { readonly kind: 'hang' }
  /** Cuts the connection without doing anything. */
  | { readonly kind: 'reset' }
  /** Does what is asked, and cuts the connection then. */
  | { readonly kind: 'lost-answer' }
  /** Does what is asked, and answers so much later, ms. */
  | { readonly kind: 'late'; readonly ms: number }
);

/** A request with what became of it. */
export interface GraphExchange extends GraphRequest {
  /** `accept` and so on, else the edge. */
  readonly action: string;
  /** Undefined where nobody was answered. */
  readonly status: number | undefined;
  /** When the answer had left, clock ms. */
  readonly answeredMs: number | undefined;
}

export interface GraphServerOptions {
  readonly token: string;
  readonly port: number;
  readonly host: string;
  readonly clock: Clock;
  readonly behind: Behind;
}

const LOG_LIMIT = 5_000;

export class GraphServer {
  readonly log: GraphExchange[] = [];
  readonly faults = new Faults<GraphFault>();
  readonly #o: GraphServerOptions;
  #server: Server | undefined;
  #port: number;

  constructor(options: GraphServerOptions) {
    this.#o = options;
    this.#port = options.port;
  }

  /** `http://127.0.0.1:PORT`: what the business takes as GRAPH_API_URL. The same after a time without power. */
  get url(): string {
    return `http://${this.#o.host}:${this.#port}`;
  }

  /** Listens. Rejects with LISTEN_FAILED. */
  async up(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          new BridgeError('LISTEN_FAILED', `cannot listen on ${this.#o.host}:${this.#port}: ${cause.message}`, {
            cause,
          }),
        ),
      );
      server.listen(this.#port, this.#o.host, resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Goes away: connections are cut, new ones refused. Idempotent. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = this.#o.clock.now();
    const url = requestUrl(request);
    if (url === undefined) {
      response.writeHead(400).end();
      return;
    }
    const [, version = '', ...parts] = url.pathname.split('/');
    const method = request.method ?? 'GET';
    let body: Readonly<Record<string, unknown>> = {};
    let answer: { status: number; body: object; after?: (() => void) | undefined };
    const note = (status: number | undefined) => {
      const said = body['action'];
      const action = typeof said === 'string' ? said : (parts[1] ?? '');
      const answeredMs = status === undefined ? undefined : this.#o.clock.now();
      if (this.log.length < LOG_LIMIT)
        this.log.push({
          atMs,
          method,
          path: `/${parts.join('/')}`,
          query: url.searchParams,
          body,
          action,
          status,
          answeredMs,
        });
    };
    let fault: GraphFault | undefined;
    try {
      if (keyOf(request) !== this.#o.token) throw new GraphFailure(190);
      if (method === 'POST') body = jsonOf(request, await readBody(request));
      const action = body['action'] ?? parts[1];
      fault = this.faults.take((one) => one.action === undefined || one.action === action);
      if (fault?.kind === 'error') throw new GraphFailure(fault.code, fault.details);
      if (fault?.kind === 'hang') return note(undefined);
      if (fault?.kind === 'reset') {
        note(undefined);
        request.socket.destroy();
        return;
      }
      if (fault?.kind === 'status') {
        note(fault.status);
        if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
        response.writeHead(fault.status).end();
        return;
      }
      const asked = { atMs, method, path: `/${parts.join('/')}`, query: url.searchParams, body };
      answer = { status: 200, ...(await answerGraph(version, asked, this.#o.behind)) };
    } catch (error) {
      const failure = error instanceof GraphFailure ? error : new GraphFailure(1, String(error));
      answer = { status: failure.status, body: failure.body };
    }
    if (fault?.kind === 'lost-answer') {
      answer.after?.();
      note(undefined);
      request.socket.destroy();
      return;
    }
    const { after, status } = answer;
    const say = () => {
      // Whatever the business sends from here on it may: its answer is on the way.
      sendJson(response, status, answer.body);
      note(status);
      after?.();
    };
    if (fault?.kind === 'late') this.#o.clock.after(fault.ms, say);
    else say();
  }
}

function jsonOf(request: IncomingMessage, bytes: Buffer): Record<string, unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new GraphFailure(100, 'the body must be application/json');
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new GraphFailure(100, 'the body is no JSON object');
}
