import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { TransportMemory } from './agents/openai/fallback.ts';
import { Calls } from './call/calls.ts';
import { type Clock, systemClock } from './call/clock.ts';
import type { CallObserver } from './call/events.ts';
import type { CallInfo } from './call/info.ts';
import type { Log } from './call/leg.ts';
import type { CallTap } from './call/tap.ts';
import { termination } from './call/termination.ts';
import { Ticker } from './call/ticker.ts';
import type { Config } from './config.ts';
import { phoneDesk, phoneStreams } from './desk.ts';
import { type ModelEndpoint, openDispatch } from './dispatch.ts';
import { BridgeError, errorMessage } from './errors.ts';
import type { Base, Feature, Parts } from './features/feature.ts';
import { CallMemory } from './http/call-memory.ts';
import { healthRoutes } from './http/health.ts';
import { serveMediaStream } from './http/media-stream.ts';
import { phoneWebhooks } from './http/phone.ts';
import { publicUrls } from './http/public-url.ts';
import { createHttpServer } from './http/server.ts';
import { StreamTokens } from './http/stream-token.ts';
import { MemoryUsedTokens } from './http/used-tokens.ts';
import { isSigned } from './http/webhook.ts';
import type { PcmFrame } from './media/frame.ts';
import { decodeWav } from './media/wav.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { RecordSink } from './records/event.ts';
import { RecordStream } from './records/stream.ts';
import { type RealtimeServer, startRealtimeServer } from './simulator/realtime/index.ts';

/** What the app is made of besides its settings; tests put their own in. */
export interface AppDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  /** More watchers of calls. */
  readonly observers?: readonly CallObserver[];
  /** More watchers of recorded events. */
  readonly sinks?: readonly RecordSink[];
  /** In place of the embedded model or the configured one. */
  readonly endpoint?: ModelEndpoint;
}

export interface App {
  readonly server: FastifyInstance;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly endpoint: ModelEndpoint;
  /** Listens; resolves to the local URL. Rejects with LISTEN_FAILED. */
  listen(): Promise<string>;
  /** Takes no more calls, ends those that run, frees everything. Idempotent. */
  close(): Promise<void>;
}

/** The parts of the daemon beside the bridge itself, in the order in which they are opened; they are closed in reverse. */
const FEATURES: ReadonlyArray<(base: Base) => Feature | Promise<Feature>> = [];

/** How long running requests may take while the app closes, ms. */
const CLOSE_GRACE_MS = 2_000;

/** Builds the daemon: every part is made and joined here and nowhere else. It does not listen yet. */
export async function build(config: Config, deps: AppDeps): Promise<App> {
  const { log } = deps;
  const clock = deps.clock ?? systemClock;
  const ticker = new Ticker(clock);
  const embedded = deps.endpoint === undefined ? await embeddedModel(config, ticker, log) : undefined;
  const endpoint = deps.endpoint ?? endpointOf(config, embedded);
  const dispatch = await openDispatch({
    config,
    endpoint,
    webrtc: new TransportMemory(),
    clock,
    log: log as unknown as Log,
  });
  const metrics = createMetrics(() => calls.size);
  const instance = randomBytes(3).toString('hex');
  const base: Base = { config, log: log as unknown as Log, logger: log, clock, ticker, metrics, instance };
  const features: Feature[] = [];
  for (const open of FEATURES) features.push(await open(base));
  const records = new RecordStream({
    clock,
    instance,
    sinks: [...features.flatMap((feature) => feature.sinks ?? []), ...(deps.sinks ?? [])],
    failed: (err) => log.error({ err }, 'a watcher of records failed'),
  });
  const calls: Calls = new Calls({
    clock,
    ticker,
    log: log as unknown as Log,
    observers: [records, metrics, ...features.flatMap((feature) => feature.observers ?? []), ...(deps.observers ?? [])],
    taps: (info: CallInfo): CallTap[] =>
      features.map((feature) => feature.tap?.(info)).filter((tap) => tap !== undefined),
    apology: loadApology(),
    limits: { joinMs: config.STREAM_TIMEOUT_MS, reclaimMs: config.RECLAIM_MS, maxMs: config.MAX_CALL_MINUTES * 60_000 },
  });

  const secrets = { twilio: config.TWILIO_AUTH_TOKEN, signalwire: config.SIGNALWIRE_SIGNING_KEY };
  const signed = isSigned(secrets);
  if (!signed) {
    log.warn(
      {},
      'WEBHOOKS ARE NOT VERIFIED: anybody who finds this address can place calls. Set TWILIO_AUTH_TOKEN or SIGNALWIRE_SIGNING_KEY, and PUBLIC_URL',
    );
  }
  const urls = publicUrls({ publicUrl: config.PUBLIC_URL, signed });
  const tokens = new StreamTokens({
    secrets: [config.STREAM_TOKEN_SECRET ?? randomBytes(32).toString('base64url')],
    used: new MemoryUsedTokens(() => clock.wall()),
    wall: () => clock.wall(),
  });
  const memory = new CallMemory(clock);
  const http = createHttpServer({ log, count: metrics.countHttp, clock, maxConnections: config.MAX_CALLS * 2 + 1_000 });
  const state = { draining: false };
  const desk = phoneDesk({ calls, config, dispatch, memory, isDraining: () => state.draining });

  http.app.register(phoneWebhooks, {
    desk,
    secrets,
    urls,
    memory,
    tokens,
    count: metrics.countHttp,
    apology: { text: config.FALLBACK_SAY },
    transferTo: config.FALLBACK_DIAL,
    signalwire: {
      codec: config.SIGNALWIRE_CODEC,
      realtime: config.SIGNALWIRE_REALTIME === 'auto' ? config.USE_WEBRTC : config.SIGNALWIRE_REALTIME === 'true',
    },
  });
  http.app.register(healthRoutes, {
    health: () => {
      const { rss, heapTotal, heapUsed } = process.memoryUsage();
      return {
        status: state.draining ? 'draining' : 'ok',
        activeSessions: calls.size,
        uptime: process.uptime(),
        memory: { rss, heapTotal, heapUsed },
      };
    },
  });
  http.app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  serveMediaStream({
    upgrades: http.upgrades,
    urls,
    secrets,
    tokens,
    count: metrics.countHttp,
    log: log as unknown as Log,
    clock,
    pending: { perAddress: config.MAX_PENDING_STREAMS, total: config.MAX_PENDING_STREAMS },
    onStream: phoneStreams({ calls, config, log: log as unknown as Log, clock, count: metrics.count }),
  });

  const isDraining = () => state.draining;
  const admin = { tokens: config.ADMIN_TOKEN };
  const parts: Parts = { ...base, http, calls, dispatch, endpoint, admin, urls, isDraining };
  for (const feature of features) await feature.install?.(parts);

  let closing: Promise<void> | undefined;
  return {
    server: http.app,
    calls,
    metrics,
    endpoint,
    async listen() {
      try {
        await http.app.listen({ host: config.HOST, port: config.PORT });
      } catch (cause) {
        throw new BridgeError(
          'LISTEN_FAILED',
          `cannot listen on ${config.HOST}:${config.PORT}: ${errorMessage(cause)}`,
          { cause },
        );
      }
      const { port } = http.app.server.address() as AddressInfo;
      const host = config.HOST === '0.0.0.0' || config.HOST === '::' ? '127.0.0.1' : config.HOST;
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    },
    close() {
      state.draining = true;
      closing ??= (async () => {
        await calls.endAll(termination('drained'));
        await http.close(CLOSE_GRACE_MS);
        for (const feature of features.toReversed()) await feature.close?.();
        await dispatch.close();
        await embedded?.close();
      })();
      return closing;
    },
  };
}

/** Starts the simulated model where no other was named: on loopback, in this process. */
async function embeddedModel(config: Config, ticker: Ticker, log: Logger): Promise<RealtimeServer | undefined> {
  if (config.OPENAI_API_KEY !== undefined || config.OPENAI_BASE_URL !== undefined) return undefined;
  return startRealtimeServer({ port: 0, ticker, log: log.child({ part: 'embedded-model' }, { level: 'warn' }) });
}

function endpointOf(config: Config, embedded: RealtimeServer | undefined): ModelEndpoint {
  if (embedded !== undefined) return { baseUrl: embedded.url, apiKey: 'sk-embedded', embedded: true };
  return {
    baseUrl: config.OPENAI_BASE_URL ?? 'https://api.openai.com/v1',
    apiKey: config.OPENAI_API_KEY ?? '',
    embedded: false,
  };
}

/** The recorded words for a caller whose call the bridge must give up, 24 kHz. */
function loadApology(): PcmFrame {
  const { channels, sampleRate } = decodeWav(readFileSync(new URL('./assets/apology.wav', import.meta.url)));
  return { samples: channels[0] ?? new Int16Array(), sampleRate };
}
