import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Admission, REFUSALS } from './admission/admission.ts';
import { ModelCircuit } from './admission/circuit.ts';
import { Machine } from './admission/machine.ts';
import { AGENTS, labelsOf, openAgents } from './agents/index.ts';
import type { AgentKind, Agents } from './agents/kind.ts';
import { loadApology, SHIPPED_APOLOGY } from './apology.ts';
import { Calls } from './call/calls.ts';
import { type Clock, systemClock } from './call/clock.ts';
import type { CallObserver } from './call/events.ts';
import { termination } from './call/termination.ts';
import { Ticker } from './call/ticker.ts';
import type { CarrierKind } from './callers/phone/carriers/carrier.ts';
import { openCarriers, unprovenWarning } from './callers/phone/carriers/index.ts';
import { comfortSounds } from './comfort-sound.ts';
import type { Config } from './config.ts';
import { openDispatch } from './dispatch.ts';
import { Drain } from './drain.ts';
import { BridgeError, errorMessage } from './errors.ts';
import { openBridge } from './features/bridge.ts';
import { openBrowser } from './features/browser.ts';
import { openConsole } from './features/console-page.ts';
import type { Base } from './features/feature.ts';
import { Features, type OpenFeature } from './features/features.ts';
import { openHealth } from './features/health.ts';
import { openLive } from './features/live.ts';
import { openCallsApi } from './features/orders.ts';
import { openPhone } from './features/phone.ts';
import { openRecordings } from './features/recordings.ts';
import { openRecords } from './features/records.ts';
import { openTracing } from './features/tracing.ts';
import { openWebhooks } from './features/webhooks.ts';
import { openWhatsapp } from './features/whatsapp.ts';
import { openAdminTokens } from './http/admin-token.ts';
import { HTTP_COUNTERS } from './http/counters.ts';
import { serveOpenApi } from './http/openapi.ts';
import { localUrl, publicUrls } from './http/public-url.ts';
import { RateLimiter } from './http/rate-limit.ts';
import { createHttpServer, DEFAULT_CONNECTIONS, type HttpServer } from './http/server.ts';
import { rateLimits } from './http/settings.ts';
import { Intake } from './intake/intake.ts';
import { openMemory } from './memory/open.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { RecordSink } from './records/event.ts';
import { RecordStream } from './records/stream.ts';
import { version } from './version.ts';

/** What the app is made of besides its settings; tests put their own in. */
export interface AppDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  /** More watchers of calls. */
  readonly observers?: readonly CallObserver[];
  /** More watchers of recorded events. */
  readonly sinks?: readonly RecordSink[];
  /** In place of the daemon's own table. */
  readonly carriers?: readonly CarrierKind[];
  /** The kinds of agents that there are, in place of the daemon's own. The settings must be read with the same. */
  readonly agents?: readonly AgentKind[];
}

export interface App {
  readonly server: FastifyInstance;
  readonly http: HttpServer;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly agents: Agents;
  /** Where the operators' token is kept that was made because none is set; undefined where one is. */
  readonly adminTokenFile: string | undefined;
  /** Listens; resolves to the local URL. Rejects with LISTEN_FAILED. */
  listen(): Promise<string>;
  /** Takes no more calls, lets those that run come to their end within DRAIN_TIMEOUT (or `withinMs`, if that is shorter), then frees everything. */
  drain(withinMs?: number): Promise<void>;
  /** Takes no more calls, ends those that run at once, frees everything; also while it drains. Idempotent. */
  close(): Promise<void>;
}

/** The parts of the daemon beside the bridge itself, in the order in which they are opened; they are closed in reverse. */
const FEATURES: readonly OpenFeature[] = [
  openRecords,
  openLive,
  openRecordings,
  openWebhooks,
  openHealth,
  openTracing,
  openPhone,
  openBrowser,
  openWhatsapp,
  openBridge,
  openCallsApi,
  openConsole,
];

/** How long running requests may take while the app closes, ms. */
const CLOSE_GRACE_MS = 2_000;

/** Builds the daemon: every part is made and joined here and nowhere else. It does not listen yet. */
export async function build(config: Config, deps: AppDeps): Promise<App> {
  const { log } = deps;
  const clock = deps.clock ?? systemClock;
  const ticker = new Ticker(clock);
  const kinds = deps.agents ?? AGENTS;
  const agents = openAgents(config, { clock, ticker, log }, kinds);
  const memory = await openMemory({ clock, log, dataDir: config.DATA_DIR });
  const carriers = openCarriers(config, { kinds: deps.carriers, clock, log });
  const dispatch = await openDispatch({
    config,
    kinds,
    agents,
    formOf: (name) => carriers.get(name)?.form,
    memory,
    clock,
    log,
  });
  const machine = new Machine(clock, log);
  const metrics = createMetrics({
    clock,
    activeCalls: () => calls.size,
    loopDelay: () => ({ ...machine.loop.last, smoothed: machine.loop.smoothedMs }),
    isTool: (name) => dispatch.knowsTool(name),
    agents: labelsOf(kinds),
    refusals: REFUSALS,
    httpEvents: HTTP_COUNTERS,
  });
  const instance = randomBytes(3).toString('hex');
  if (!carriers.isSigned) log.warn({}, unprovenWarning(carriers));
  const urls = publicUrls({ publicUrl: config.PUBLIC_URL, signed: carriers.isSigned });
  const admin = openAdminTokens(config, log);
  const base: Base = { config, log, logger: log, clock, ticker, memory, metrics, carriers, urls, instance };
  const features = await Features.open(FEATURES, base);
  const records = new RecordStream({
    clock,
    instance,
    sinks: [...features.sinks, ...(deps.sinks ?? [])],
    failed: (err) => log.error({ err }, 'a watcher of records failed'),
  });
  const circuit = new ModelCircuit({ clock, log: base.log });
  const calls: Calls = new Calls({
    clock,
    ticker,
    log,
    observers: [records, metrics, circuit, ...features.observers, ...(deps.observers ?? [])],
    taps: features.taps,
    count: metrics.count,
    apology: loadApology(config.APOLOGY_FILE ?? SHIPPED_APOLOGY),
    comfort: comfortSounds(config.ANSWER_FILLER),
    keypad: { pauseMs: config.DTMF_PAUSE_MS, most: config.DTMF_MAX_DIGITS, terminators: config.DTMF_TERMINATORS },
    patience: { longestMs: config.SILENCE_SECONDS * 1000, asks: config.SILENCE_ASKS },
    ended: features.ended,
    limits: {
      joinMs: config.STREAM_TIMEOUT_MS,
      reclaimMs: config.RECLAIM_MS,
      ringMs: config.TRANSFER_RING_SECONDS * 1_000,
      maxMs: config.MAX_CALL_MINUTES * 60_000,
    },
  });

  const http = createHttpServer({
    log,
    count: metrics.countHttp,
    clock,
    maxConnections: config.MAX_CALLS * 2 + DEFAULT_CONNECTIONS.total,
    trustProxy: config.TRUST_PROXY,
    connections: { ...DEFAULT_CONNECTIONS, perAddress: config.CONNECTIONS_PER_ADDRESS },
    limiter: new RateLimiter(rateLimits(config), clock),
  });
  // Before any other route: it tells of those that come after it.
  serveOpenApi(http.app, version());
  const drain = new Drain({
    calls,
    clock,
    timeoutMs: config.DRAIN_TIMEOUT * 1_000,
    timeIsUp: (left) => log.warn({ calls: left }, 'the time to drain is up; the agents say goodbye'),
  });
  const isDraining = () => drain.draining;
  const admission = new Admission({
    clock,
    calls: () => calls.size,
    isDraining,
    loopDelayMs: machine.loop.delayMs,
    maxCalls: config.MAX_CALLS,
    // One place at least is left to others.
    maxPages: Math.min(features.strangers, config.MAX_CALLS - 1),
    callsPerSecond: config.CALLS_PER_SECOND,
    maxLoopDelayMs: config.MAX_LOOP_DELAY_MS,
    memoryPercent: machine.memoryPercent,
    maxMemoryPercent: config.MAX_MEMORY_PERCENT,
    memoryFull: machine.memoryFull,
    models: circuit,
    refused: metrics.countRefusal,
  });
  const intake = new Intake({ calls, dispatch, admission });
  await features.install({ ...base, http, calls, dispatch, agents, admin, intake, admission, isDraining });

  let closing: Promise<void> | undefined;
  const close = () => {
    drain.refuse();
    closing ??= (async () => {
      await calls.endAll(termination('drained'));
      await http.close(CLOSE_GRACE_MS);
      await features.close();
      machine.close();
      await dispatch.close();
      await memory.close();
      await agents.close();
    })();
    return closing;
  };
  return {
    server: http.app,
    http,
    calls,
    metrics,
    agents,
    adminTokenFile: admin.file,
    async listen() {
      try {
        await http.listen({ host: config.HOST, port: config.PORT });
      } catch (cause) {
        throw new BridgeError(
          'LISTEN_FAILED',
          `cannot listen on ${config.HOST}:${config.PORT}: ${errorMessage(cause)}`,
          { cause },
        );
      }
      const { port } = http.app.server.address() as AddressInfo;
      return localUrl(config.HOST, port);
    },
    async drain(withinMs) {
      await drain.begin(withinMs);
      await close();
    },
    close,
  };
}
