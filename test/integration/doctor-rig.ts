import { createHash, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from '../../src/app.ts';
import { build } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { type Check, type Result, runCheck } from '../../src/doctor/check.ts';
import type { DoctorDeps } from '../../src/doctor/deps.ts';
import { examine, systemDeps } from '../../src/doctor/doctor.ts';
import type { NumberOptions } from '../../src/doctor/number.ts';
import { createLog } from '../../src/log.ts';
import { type CarrierServer, startCarrier } from '../../src/simulator/carrier/index.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { startTurnServer } from './turn-server.ts';

/** Stand-ins for everything that the doctor looks at, on loopback, all of them well. */

export const KEY = 'sk-the-right-one';
export const TOKEN = 'auth-token-of-the-carrier';
export const SID = `AC${'0'.repeat(32)}`;
export const NUMBER = '+15550001111';
const TURN_SECRET = 'secret-of-turn';

const LIMITS =
  'Limit   Soft Limit   Hard Limit   Units\nMax open files            4096                 4096                 files\n';

export interface Broken extends Partial<NumberOptions> {
  settings?: Record<string, string>;
  deps?: Partial<DoctorDeps>;
}

export interface DoctorRig {
  readonly dataDir: string;
  readonly port: number;
  readonly model: RealtimeServer;
  readonly carrier: CarrierServer;
  /** Where the number's calls should go. */
  readonly webhook: string;
  /** Settings with which all is well, and these. */
  settings(more?: Record<string, string>): Record<string, string>;
  /** ICE_SERVERS with the TURN server that is there. */
  turn(credential?: string): string;
  deps(broken?: Broken): DoctorDeps;
  /** All checks. */
  examined(broken?: Broken): Promise<Result[]>;
  /** A daemon with these settings, until the test's end. */
  daemon(more?: Record<string, string>): Promise<App>;
  close(): Promise<void>;
}

export async function doctorRig(): Promise<DoctorRig> {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-doctor-'));
  const model = await startRealtimeServer({ port: 0, apiKeys: [KEY] });
  const turn = await startTurnServer('doctor', TURN_SECRET);
  const port = await freeTcpPort();
  const media = await freeUdpPorts(20);
  const webhook = `http://127.0.0.1:${port}/incoming-call`;
  const carrier = await startCarrier({
    carrier: 'twilio',
    accountSid: SID,
    token: TOKEN,
    numbers: [{ phoneNumber: NUMBER, voiceUrl: webhook }],
  });
  const rig: DoctorRig = {
    dataDir,
    port,
    model,
    carrier,
    webhook,
    settings: (more = {}) => ({
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: model.url,
      RTC_PORT_RANGE: `${media}-${media + 19}`,
      MAX_CALLS: '10',
      TWILIO_ACCOUNT_SID: SID,
      TWILIO_AUTH_TOKEN: TOKEN,
      TWILIO_API_URL: carrier.url,
      OUTBOUND_FROM: NUMBER,
      ...more,
    }),
    turn: (credential = TURN_SECRET) =>
      JSON.stringify([{ urls: `turn:127.0.0.1:${turn.port}?transport=udp`, username: 'doctor', credential }]),
    deps: ({ settings, deps } = {}) => ({
      ...systemDeps(loadConfig(rig.settings(settings))),
      freeBytes: async () => 50e9,
      limits: async () => LIMITS,
      ...deps,
    }),
    examined: (broken = {}) => examine(rig.deps(broken), { ...broken, fix: broken.fix ?? false }),
    async daemon(more) {
      const app = await build(loadConfig(rig.settings(more)), { log: createLog({ level: 'silent' }) });
      await app.listen();
      return app;
    },
    async close() {
      turn.close();
      await Promise.all([model.close(), carrier.close()]);
      rmSync(dataDir, { recursive: true });
    },
  };
  return rig;
}

/** Runs checks one after the other, as the doctor does. */
export async function ran(deps: DoctorDeps, checks: readonly Check[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const check of checks) results.push(await runCheck(check, deps.clock));
  return results;
}

/** What is neither pass nor skip, as "status name". */
export const wrong = (results: readonly Result[]) =>
  results.filter(({ status }) => status === 'warn' || status === 'fail').map(({ status, name }) => `${status} ${name}`);

export const of = (results: readonly Result[], name: string): Result => {
  const found = results.find((result) => result.name === name);
  if (found === undefined) throw new Error(`there is no line "${name}"`);
  return found;
};

export const portOf = (server: Server) => (server.address() as AddressInfo).port;

export async function listening(server: Server): Promise<Server> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

/** A port that is free, and that nobody gets by chance before it is used: none of those that are given to whoever asks for any. */
export async function freeTcpPort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 20_000);
    const server = createTcpServer();
    const isFree = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => done(true));
    });
    if (!isFree) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}

/** The first of several UDP ports in a row that are free. */
export async function freeUdpPorts(count: number): Promise<number> {
  for (let first = 21_000 + (process.pid % 300) * 40; ; first += count) {
    const sockets = Array.from({ length: count }, () => createSocket('udp4'));
    const bound = await Promise.all(
      sockets.map(
        (socket, i) =>
          new Promise<boolean>((done) => {
            socket.once('error', () => done(false));
            socket.bind({ port: first + i, exclusive: true }, () => done(true));
          }),
      ),
    );
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
    if (bound.every(Boolean)) return first;
  }
}

export interface ProxyHabits {
  /**
   * What becomes of a WebSocket's handshake: passed on; passed on as a plain request, without its Upgrade header; answered with this status;
   * answered by the proxy itself, which then keeps all messages; or not answered at all.
   */
  readonly upgrade?: 'pass' | 'strip' | 'swallow' | 'hang' | number;
  /** What becomes of paths and bodies on their way. */
  readonly path?: (path: string) => string;
  readonly body?: (body: string) => string;
  /** Answers every plain request itself. */
  readonly answer?: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };
}

/** What stands between the public address and the daemon, well behaved or not. */
export async function startProxy(port: number, habits: ProxyHabits = {}): Promise<{ url: string; close(): void }> {
  const { upgrade = 'pass', path = (same) => same, body: change = (same) => same, answer } = habits;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (answer !== undefined) {
      response.writeHead(answer.status, answer.headers ?? {}).end(answer.body ?? 'somebody else');
      return;
    }
    const { 'content-length': _length, ...headers } = request.headers;
    const on = httpRequest(
      { port, host: '127.0.0.1', method: request.method, path: path(request.url ?? ''), headers },
      (inner) => {
        response.writeHead(inner.statusCode ?? 502, inner.headers);
        inner.pipe(response);
      },
    );
    on.on('error', () => response.writeHead(502).end());
    on.end(change(body));
  });
  server.on('upgrade', (request, stream) => {
    stream.on('error', () => {});
    if (upgrade === 'hang') return;
    if (typeof upgrade === 'number') {
      stream.end(`HTTP/1.1 ${upgrade} Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    if (upgrade === 'swallow') {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      stream.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      return;
    }
    const kept = Object.entries(request.headers).filter(
      ([name]) => upgrade === 'pass' || !['upgrade', 'connection'].includes(name),
    );
    const head = kept.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const inner = connect(port, '127.0.0.1', () => {
      inner.write(`GET ${path(request.url ?? '')} HTTP/1.1\r\n${head}\r\n`);
      inner.pipe(stream).pipe(inner);
    });
    inner.on('error', () => stream.destroy());
    stream.on('close', () => inner.destroy());
  });
  await listening(server);
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
