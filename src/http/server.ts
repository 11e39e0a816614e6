import { type RequestListener, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RouteOptions,
} from 'fastify';
import { type Clock, systemClock } from '../call/clock.ts';
import type { BridgeError } from '../errors.ts';
import { asksForWebSocket } from '../transport/upgrade-request.ts';
import { answerOf } from './api-error.ts';
import { ClientAddresses } from './client-address.ts';
import { type ConnectionLimits, Connections } from './connections.ts';
import type { CountHttp, HttpCounter } from './counters.ts';
import { LateRequests } from './late-requests.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { type RateLimiter, type RateLimitName, rateLimited } from './rate-limit.ts';
import { UpgradeRouter } from './upgrade.ts';

export interface HttpServerOptions {
  readonly log: FastifyBaseLogger;
  readonly count: CountHttp;
  readonly clock?: Clock;
  /** How long the head of a request, or of an upgrade, may take to arrive, ms. */
  readonly headersTimeoutMs?: number;
  /** How long a whole request may take to arrive, ms. */
  readonly requestTimeoutMs?: number;
  /** How often the two limits above are looked at, ms: a slow client is cut this much later at most. */
  readonly checkIntervalMs?: number;
  /** Most connections at once, running media streams included. */
  readonly maxConnections?: number;
  /** How many of those that carry plain HTTP there may be, by address; `DEFAULT_CONNECTIONS` when left out. */
  readonly connections?: ConnectionLimits;
  /** How long a connection may stay without a request, ms; a trusted proxy's stays for `PROXY_KEEP_ALIVE_MS`. */
  readonly keepAliveMs?: number;
  /** How long a connection may be without a byte that moves while a request is answered, ms: a client that does not read is cut then. */
  readonly stallMs?: number;
  /** Largest body of a route that sets no limit of its own, bytes. */
  readonly bodyLimitBytes?: number;
  /** Whose X-Forwarded-For is believed: entries that `isProxyEntry` takes; nobody's when left out. */
  readonly trustProxy?: readonly string[];
  /** Limits what one address may ask; nothing is limited without it. */
  readonly limiter?: RateLimiter;
  /** Each answer ends its connection, a proxy's too: whoever hands connections to several processes looks at the first request of each alone. */
  readonly oneRequest?: boolean;
}

export interface HttpServer {
  /** Not listening yet: routes are registered on it, then `app.listen`. */
  readonly app: FastifyInstance;
  readonly upgrades: UpgradeRouter;
  /** Those that carry plain HTTP at the moment. */
  readonly connections: Pick<Connections, 'of' | 'total'>;
  /** Every route there is, with its limit. */
  readonly routes: ReadonlyArray<{ readonly method: string; readonly url: string; readonly limit: RateLimitName }>;
  /** Begins to listen, without the framework's own words about it. */
  listen(where: { readonly host: string; readonly port: number }): Promise<void>;
  /** Serves a connection that another process accepted, of which `read` was read there. Called as soon as the socket is there, before anything is read of it here. */
  adopt(socket: Socket, read: Uint8Array): void;
  /** Whether it has been told to close: it refuses what is asked from then on. */
  readonly closing: boolean;
  /** Stops listening, lets what runs end, and cuts every connection still open after `graceMs`. Never rejects. */
  close(graceMs: number): Promise<void>;
}

/** The shape of every error's answer. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

/** 100 of one address, and all of the places for a proxy that is trusted. */
export const DEFAULT_CONNECTIONS: ConnectionLimits = { total: 1_000, perAddress: 100, perProxy: 1_000 };

/** Longer than the 90 s for which a tunnel keeps idle connections, so that it is never the one to find a connection closed. */
const PROXY_KEEP_ALIVE_MS = 95_000;
const KEEP_ALIVE_MS = 10_000;
/** What is waited beyond what was told, ms: the client's end of the time comes first. */
const KEEP_ALIVE_SLACK_MS = 1_000;
/** Longer than any route takes to answer: a page's call waits for the model for 25 s at most. */
const STALL_MS = 60_000;

/** Node's code of a request that did not arrive in time. */
const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';

const errorBody = (code: string, message: string): ErrorBody => ({ error: { code, message } });

const COUNTED: Partial<Record<string, HttpCounter>> = {
  HOST_NOT_ALLOWED: 'host_not_allowed',
  BODY_TOO_LARGE: 'body_too_large',
};

/** Answers what never became a request, as far as the connection still takes it, and cuts the connection. */
function answerBrokenRequest(error: { readonly code?: string | undefined }, socket: Socket, count: CountHttp): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const timedOut = error.code === REQUEST_TIMEOUT;
  const status = timedOut ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  count(timedOut ? 'request_timeout' : 'request_malformed');
  const text = STATUS_CODES[status] ?? '';
  const body = JSON.stringify(errorBody(timedOut ? 'REQUEST_TIMEOUT' : 'REQUEST_INVALID', text.toLowerCase()));
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  socket.destroySoon();
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });

/**
 * The HTTP server, bounded in every direction: Node's own limits (60 s for a head, looked at each 30 s, no limit of connections) let a
 * few slow clients hold it. Nothing it logs holds a URL's query, since a webhook by GET has the caller's number there.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { count, limiter, clock = systemClock, keepAliveMs = KEEP_ALIVE_MS } = options;
  const addresses = new ClientAddresses(options.trustProxy);
  const log = options.log.child({});
  /** Connections of which something was read before they came here. */
  const begun = new WeakSet<Socket>();
  const requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
  const requests = new LateRequests({
    clock,
    withinMs: requestTimeoutMs,
    // Without a word: browsers open some in advance, and would take what is said there for the answer to the request that they send at that moment.
    silent(socket) {
      count('connection_silent');
      socket.destroySoon();
    },
    late: (socket) => answerBrokenRequest({ code: REQUEST_TIMEOUT }, socket, count),
  });
  const app: FastifyInstance = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 64 * 1024,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    connectionTimeout: options.stallMs ?? STALL_MS,
    forceCloseConnections: 'idle',
    http: {
      headersTimeout: options.headersTimeoutMs ?? 3_000,
      connectionsCheckingInterval: options.checkIntervalMs ?? 1_000,
      maxHeaderSize: 16 * 1024,
      shouldUpgradeCallback: asksForWebSocket,
    },
    clientErrorHandler(error, socket) {
      if (error.code === REQUEST_TIMEOUT) requests.over(socket, socket.bytesRead === 0 && !begun.has(socket));
      else answerBrokenRequest(error, socket, count);
    },
    // A URL that cannot be decoded is found before any route.
    frameworkErrors: (error, _request, reply) => {
      const { status, error: told } = answerOf(error);
      void (reply as FastifyReply).code(status).send({ error: told });
    },
  });
  app.server.maxConnections = options.maxConnections ?? 4_096;

  app.setErrorHandler<FastifyError | BridgeError>((error, request, reply) => {
    const { status, headers, error: told } = answerOf(error);
    const counter = COUNTED[told.code];
    if (counter !== undefined) count(counter);
    const fields = { route: request.routeOptions.url, status, code: told.code };
    if (status >= 500) {
      count('request_failed');
      request.log.error({ ...fields, err: error }, 'request failed');
    } else request.log.debug(fields, 'request refused');
    return reply.code(status).headers(headers).send({ error: told });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(errorBody('NOT_FOUND', 'there is nothing here')));
  app.addHook('onResponse', async (request, reply) => {
    request.log.debug(
      { method: request.method, route: request.routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime },
      'request answered',
    );
  });

  const connections = new Connections(options.connections ?? DEFAULT_CONNECTIONS, addresses);
  app.addHook('onSend', async (request, reply) => {
    const isProxy = connections.isProxy(request.raw.socket);
    // A stranger who asks for what he may not has to connect anew; a proxy's connection is others' as well.
    const mayNot = reply.statusCode >= 400 && reply.statusCode < 500;
    if (options.oneRequest === true || (!isProxy && mayNot)) reply.header('connection', 'close');
    else if (isProxy) reply.header('keep-alive', `timeout=${PROXY_KEEP_ALIVE_MS / 1_000}`);
  });

  const charge = (request: FastifyRequest, limit: RateLimitName) => {
    const waitMs = limiter?.take(limit, addresses.of(request.raw)) ?? 0;
    if (waitMs === 0) return;
    count('rate_limited');
    throw rateLimited(waitMs);
  };
  app.decorate('charge', charge);
  app.decorate('addressOf', (request: FastifyRequest) => addresses.of(request.raw));
  app.addHook('onRequest', async (request) => {
    const { limit = 'api' } = request.routeOptions.config;
    if (limit !== 'webhook') charge(request, limit);
  });
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));

  const upgrades = new UpgradeRouter({
    count,
    clock,
    addresses,
    limiter,
    failed: (err) => app.log.error({ err }, 'upgrade failed'),
  });
  upgrades.attach(app.server);

  const open = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket: Socket) => {
    if (!connections.add(socket)) {
      count('connections_too_many');
      return;
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  // The framework's own listener.
  const serve = app.server.listeners('request') as RequestListener[];
  app.server.removeAllListeners('request').on('request', (request) => requests.begun(request.socket, request));
  app.server.on(
    'request',
    oneAtATime(
      (request, response) => {
        for (const listener of serve) listener(request, response);
        connections.serves(request, response);
        if (!connections.isProxy(request.socket)) return;
        // After the server's own listener, which sets the time that strangers have.
        response.once('finish', () => request.socket.setTimeout(PROXY_KEEP_ALIVE_MS + KEEP_ALIVE_SLACK_MS));
      },
      () => count('requests_too_many'),
    ),
  );
  app.server.on('upgrade', ({ socket }) => {
    requests.begun(socket);
    connections.forget(socket);
  });

  return {
    app,
    upgrades,
    connections,
    // Read late: a plugin's own hooks complete what a route says of itself.
    get routes() {
      return routes.flatMap(({ method, url, config }) =>
        [method].flat().map((one) => ({ method: one, url, limit: config?.limit ?? 'api' })),
      );
    },
    async listen(where) {
      const { level } = log;
      log.level = 'warn';
      try {
        await app.listen({ ...where });
      } finally {
        log.level = level;
      }
    },
    adopt(socket, read) {
      const { server } = app;
      if (open.size >= server.maxConnections) {
        count('connections_too_many');
        socket.destroy();
        return;
      }
      // As the server makes its own: a client that has said all it will say wants its answer, and small answers are not held back.
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      server.emit('connection', socket);
      if (read.length === 0 || socket.destroyed) return;
      begun.add(socket);
      socket.emit('data', Buffer.from(read.buffer, read.byteOffset, read.length));
    },
    get closing() {
      return isClosing;
    },
    async close(graceMs) {
      isClosing = true;
      let isCut = () => {};
      const all = new Promise<void>((resolve) => {
        isCut = resolve;
      });
      const cut = clock.after(graceMs, () => {
        for (const socket of open) socket.destroy();
        isCut();
      });
      try {
        await app.close();
        // The server itself does not know of those that it adopted.
        await Promise.race([all, Promise.all([...open].map(closed))]);
      } catch (err) {
        app.log.error({ err }, 'HTTP server did not close cleanly');
      } finally {
        cut.cancel();
      }
    },
  };
}
