import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Continuation } from '../../src/call/calls.ts';
import { systemClock } from '../../src/call/clock.ts';
import type { Pace } from '../../src/call/leg.ts';
import { openCarriers } from '../../src/callers/phone/carriers/index.ts';
import { lamlSignature } from '../../src/callers/phone/carriers/laml/signature.ts';
import { CallMemory } from '../../src/callers/phone/http/call-memory.ts';
import type { IncomingCall, Preparation } from '../../src/callers/phone/http/incoming-call.ts';
import {
  type MediaStream,
  type MediaStreamOptions,
  serveMediaStream,
} from '../../src/callers/phone/http/media-stream.ts';
import { StreamTokens } from '../../src/callers/phone/http/stream-token.ts';
import { WebhookRoutes } from '../../src/callers/phone/http/webhook-routes.ts';
import { type PhoneOptions, phoneWebhooks } from '../../src/callers/phone/http/webhooks.ts';
import { loadConfig } from '../../src/config.ts';
import { healthRoutes } from '../../src/health/health-route.ts';
import type { HttpCounter } from '../../src/http/counters.ts';
import { publicUrls } from '../../src/http/public-url.ts';
import { createHttpServer, type HttpServerOptions } from '../../src/http/server.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import type { ProcessMemory } from '../../src/memory/memory.ts';
import type { Socket } from '../../src/transport/socket.ts';
import { FakeClock } from '../fakes/clock.ts';

export const PUBLIC = 'https://voice.example.com';
export const TWILIO = 'twilio-auth-token-0123456789';
export const SIGNALWIRE = 'PSK_signalwire_signing_key';
export const CALL = `CA${'a1'.repeat(16)}`;
export const UUID = '5e0a1f6c-1111-4222-8333-444455556666';

export interface RigOptions {
  publicUrl?: string | undefined;
  twilio?: string[];
  signalwire?: string[];
  /** SIGNALWIRE_REALTIME; false when left out. */
  realtime?: string;
  phone?: Partial<PhoneOptions>;
  media?: Partial<MediaStreamOptions>;
  server?: Partial<HttpServerOptions>;
  /** Where tokens and calls are remembered. */
  remembers?: ProcessMemory;
  /** More routes. */
  routes?: (app: FastifyInstance) => void;
}

/** The HTTP face on a free port, with a desk that writes down what it was asked. Tokens and memory run on a clock that is moved by hand. */
export async function rig(options: RigOptions = {}) {
  const clock = new FakeClock();
  const counts = new Map<HttpCounter, number>();
  const count = (name: HttpCounter) => void counts.set(name, (counts.get(name) ?? 0) + 1);
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const carriers = openCarriers(
    loadConfig({
      TWILIO_AUTH_TOKEN: options.twilio?.join(),
      SIGNALWIRE_SIGNING_KEY: options.signalwire?.join(),
      SIGNALWIRE_REALTIME: options.realtime ?? 'false',
    }),
  );
  const urls = publicUrls({ publicUrl: options.publicUrl, signed: carriers.isSigned });
  const { remembers = new LocalMemory({ clock }) } = options;
  const tokens = new StreamTokens({
    secrets: ['a secret of sixteen bytes'],
    memory: remembers,
    wall: () => clock.wall(),
  });
  const memory = new CallMemory({ memory: remembers, clock });
  const prepared: IncomingCall[] = [];
  const desk = {
    answer: (): Preparation | Promise<Preparation> => ({ callId: `call-${prepared.length}` }),
    next: { next: 'apology' } as Continuation,
    pace: 'burst' as Pace,
    prepare(incoming: IncomingCall) {
      prepared.push(incoming);
      return desk.answer();
    },
    continuation: () => desk.next,
  };
  const state = { draining: false };
  const server = createHttpServer({ log, count, ...options.server });
  const { app, upgrades, connections } = server;
  await app.register(phoneWebhooks, {
    desk,
    carriers,
    webhooks: new WebhookRoutes({ carriers, urls, count }),
    urls,
    tokens,
    memory,
    count,
    paceOf: () => desk.pace,
    apology: { text: 'We are sorry.' },
    transferTo: '+15550009999',
    busy: { text: 'All lines are busy.' },
    ...options.phone,
  });
  await app.register(healthRoutes, {
    health: () => ({
      status: state.draining ? 'draining' : 'ok',
      activeSessions: 2,
      uptime: 1.5,
      memory: { rss: 1, heapTotal: 1, heapUsed: 1 },
    }),
    readiness: () => (state.draining ? 'draining' : 'ok'),
  });
  options.routes?.(app);
  const streams: Array<{ stream: MediaStream; socket: Socket; texts: string[]; closed: number[] }> = [];
  const { pending } = serveMediaStream({
    upgrades,
    urls,
    carriers,
    tokens,
    count,
    log,
    clock: systemClock,
    onStream(stream) {
      const texts: string[] = [];
      const closed: number[] = [];
      const socket = stream.attach({
        text: (data) => void texts.push(data.toString()),
        binary: () => {},
        close: (code) => void closed.push(code),
      });
      streams.push({ stream, socket, texts, closed });
    },
    ...options.media,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as { port: number };
  const base = `http://127.0.0.1:${port}`;

  return {
    base,
    port,
    app,
    upgrades,
    connections,
    clock,
    counts,
    lines,
    tokens,
    memory,
    prepared,
    desk,
    state,
    streams,
    pending,
    close: () => server.close(500),
    /** Posts a form, signed for PUBLIC_URL + path by `secret` when one is given. */
    async post(path: string, params: Record<string, string>, headers: Record<string, string> = {}, secret?: string) {
      const signed = secret === undefined ? {} : { 'x-twilio-signature': lamlSignature(secret, PUBLIC + path, params) };
      const answer = await fetch(base + path, {
        method: 'POST',
        headers: { ...signed, ...headers },
        body: new URLSearchParams(params),
      });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    /** Writes raw bytes and gives what came back until the connection ended, and after how many ms. */
    raw(text: string, keepWriting?: { every: number; text: string }): Promise<{ text: string; ms: number }> {
      return new Promise((resolve) => {
        const started = performance.now();
        let received = '';
        const socket = connect(port, '127.0.0.1', () => socket.write(text));
        const timer =
          keepWriting && setInterval(() => socket.writable && socket.write(keepWriting.text), keepWriting.every);
        socket.on('data', (data) => {
          received += data.toString();
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          clearInterval(timer);
          resolve({ text: received, ms: performance.now() - started });
        });
      });
    },
  };
}

export type Rig = Awaited<ReturnType<typeof rig>>;

/** The one-time token of a document. */
export function tokenOf(document: string): string {
  return /<Parameter name="token" value="([^"]+)"\/>/.exec(document)?.[1] ?? '';
}

/** Waits until `condition` holds; fails after `ms`. */
export async function until(condition: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
