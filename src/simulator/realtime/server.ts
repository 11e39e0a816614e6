import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { BridgeError, errorMessage } from '../../errors.ts';
import { asksForWebSocket } from '../../transport/upgrade-request.ts';
import { sendError } from './http-body.ts';
import type { RealtimeServerOptions } from './options.ts';
import type { SessionRecord } from './record.ts';
import { type RealtimeStats, Registry } from './registry.ts';
import { Routes } from './routes.ts';
import { saysOf } from './scenario.ts';
import { ServiceError, statusError } from './service-error.ts';
import { RECORDED, type Recording, recording, wavFile } from './speech.ts';
import { Upgrades } from './upgrades.ts';

/** A running server that speaks as OpenAI Realtime does. */
export interface RealtimeServer {
  /** What a client takes as its base URL: `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  readonly port: number;
  /** Live sessions, and the last ended ones, in order of their start. */
  readonly sessions: readonly SessionRecord[];
  readonly stats: RealtimeStats;
  /** Ends every session and stops listening. Idempotent. */
  close(): Promise<void>;
}

/** Starts the server. Throws LISTEN_FAILED when the port cannot be had, CONFIG_INVALID when a sound cannot be read. */
export async function startRealtimeServer(options: RealtimeServerOptions): Promise<RealtimeServer> {
  // Sounds are read now: a missing file must fail the start and not a call.
  for (const name of Object.keys(RECORDED) as Recording[]) recording(name);
  for (const say of options.scenario === undefined ? [] : saysOf(options.scenario)) {
    if (say.wav !== undefined) wavFile(say.wav);
  }
  const registry = new Registry(options);
  const routes = new Routes(registry);
  const upgrades = new Upgrades(registry, routes);
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (answeredPreflight(request, response)) return;
    routes.handle(request, response).catch((error: unknown) => {
      registry.noteRefused();
      if (!(error instanceof ServiceError)) registry.log?.warn({ error: errorMessage(error) }, 'request failed');
      sendError(response, error instanceof ServiceError ? error : statusError(500));
      // What is left of a body that nobody reads would hold the connection.
      if (!request.complete) request.resume();
    });
  };
  const own = { shouldUpgradeCallback: asksForWebSocket };
  const { tls } = options;
  const server = tls === undefined ? createServer(own, onRequest) : createTlsServer({ ...own, ...tls }, onRequest);
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    void upgrades.handle(request, stream, head);
  });
  const host = options.host ?? '127.0.0.1';
  await listen(server, options.port, host);
  const { port } = server.address() as AddressInfo;
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  let closing: Promise<void> | undefined;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${shown}:${port}/v1`,
    port,
    get sessions() {
      return registry.records;
    },
    get stats() {
      return registry.stats;
    },
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        registry.shutdown();
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

/**
 * Lets pages of any origin ask, as the service does: an ephemeral key is made for a browser. True: the request was the browser's question whether it
 * may (https://fetch.spec.whatwg.org/#cors-preflight-fetch), and has its answer.
 */
function answeredPreflight(request: IncomingMessage, response: ServerResponse): boolean {
  response.setHeader('access-control-allow-origin', '*');
  // The id of a call is in it.
  response.setHeader('access-control-expose-headers', 'location');
  if (request.method !== 'OPTIONS') return false;
  response.writeHead(204, {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*',
    'access-control-max-age': '600',
  });
  response.end();
  return true;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => {
      reject(new BridgeError('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
