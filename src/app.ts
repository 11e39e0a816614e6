import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Admission, REFUSALS } from './admission/admission.ts';
import { ModelCircuit } from './admission/circuit.ts';
import { LoopDelay } from './admission/loop-delay.ts';
import { MemoryWatch } from './admission/memory.ts';
import { embeddedModel, endpointOf } from './agents/openai/endpoint.ts';
import { TransportMemory } from './agents/openai/transport-memory.ts';
import { loadApology, SHIPPED_APOLOGY } from './apology.ts';
import { Calls } from './call/calls.ts';
import type { CarrierCall } from './call/carrier-call.ts';
import { type Clock, delay, systemClock } from './call/clock.ts';
import type { CallObserver } from './call/events.ts';
import type { CallInfo } from './call/info.ts';
import type { CallTap, TapHooks } from './call/tap.ts';
import { termination } from './call/termination.ts';
import { Ticker } from './call/ticker.ts';
import type { CarrierKind } from './callers/phone/carriers/carrier.ts';
import { openCarriers, unprovenWarning } from './callers/phone/carriers/index.ts';
import { CallMemory } from './callers/phone/http/call-memory.ts';
import { phoneDesk, phoneStreams } from './callers/phone/http/desk.ts';
import { serveMediaStream } from './callers/phone/http/media-stream.ts';
import { StreamTokens } from './callers/phone/http/stream-token.ts';
import { MemoryUsedTokens } from './callers/phone/http/used-tokens.ts';
import { WebhookRoutes } from './callers/phone/http/webhook-routes.ts';
import { phoneWebhooks } from './callers/phone/http/webhooks.ts';
import { comfortSounds } from './comfort-sound.ts';
import type { Config } from './config.ts';
import { type ModelEndpoint, openDispatch } from './dispatch.ts';
import { Drain } from './drain.ts';
import { BridgeError, errorCode, errorMessage } from './errors.ts';
import { openBrowser } from './features/browser.ts';
import { openConsole } from './features/console-page.ts';
import type { Base, Feature, Parts } from './features/feature.ts';
import { openHealth } from './features/health.ts';
import { openLive } from './features/live.ts';
import { openCallsApi } from './features/orders.ts';
import { openRecordings } from './features/recordings.ts';
import { openRecords } from './features/records.ts';
import { openTracing } from './features/tracing.ts';
import { openWebhooks } from './features/webhooks.ts';
import { adminTokens } from './http/admin-token.ts';
import { HTTP_COUNTERS } from './http/counters.ts';
import { serveOpenApi } from './http/openapi.ts';
import { pendingLimits } from './http/pending.ts';
import { localUrl, publicUrls } from './http/public-url.ts';
import { RateLimiter } from './http/rate-limit.ts';
import { createHttpServer, DEFAULT_CONNECTIONS, type HttpServer } from './http/server.ts';
import { rateLimits } from './http/settings.ts';
import { Intake } from './intake/intake.ts';
import { openMemory } from './memory/open.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { RecordSink } from './records/event.ts';
import { RecordStream } from './records/stream.ts';

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
  /** In place of the daemon's own table. */
  readonly carriers?: readonly CarrierKind[];
}

export interface App {
  readonly server: FastifyInstance;
  readonly http: HttpServer;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly endpoint: ModelEndpoint;
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
const FEATURES: ReadonlyArray<(base: Base) => Feature | Promise<Feature>> = [
  openRecords,
  openLive,
  openRecordings,
  openWebhooks,
  openHealth,
  openTracing,
  openBrowser,
  openCallsApi,
  openConsole,
];

/** How long running requests may take while the app closes, ms. */
const CLOSE_GRACE_MS = 2_000;
/** How long each part may take to write what it still has, ms: no part may keep the process from its end. */
const FEATURE_CLOSE_MS = 5_000;

/** Builds the daemon: every part is made and joined here and nowhere else. It does not listen yet. */
export async function build(config: Config, deps: AppDeps): Promise<App> {
  const { log } = deps;
  const clock = deps.clock ?? systemClock;
  const ticker = new Ticker(clock);
  const embedded = deps.endpoint === undefined ? await embeddedModel(config, ticker, log) : undefined;
  const endpoint = deps.endpoint ?? endpointOf(config, embedded);
  const memory = await openMemory({ clock, log, dataDir: config.DATA_DIR });
  const dispatch = await openDispatch({
    config,
    endpoint,
    webrtc: new TransportMemory(),
    memory,
    clock,
    log,
  });
  const loop = new LoopDelay(clock, (late, ms) => {
    const delayMs = Math.round(ms);
    if (late) log.warn({ delayMs }, 'the event loop is late: audio lives on what lies at the carrier');
    else log.info({ delayMs }, 'the event loop keeps its time again');
  });
  const memoryWatch = new MemoryWatch(clock);
  const metrics = createMetrics({
    clock,
    activeCalls: () => calls.size,
    loopDelay: () => ({ ...loop.last, smoothed: loop.smoothedMs }),
    isTool: (name) => dispatch.knowsTool(name),
    refusals: REFUSALS,
    httpEvents: HTTP_COUNTERS,
  });
  const instance = randomBytes(3).toString('hex');
  const carriers = openCarriers(config, { kinds: deps.carriers, clock, log });
  if (!carriers.isSigned) log.warn({}, unprovenWarning(carriers));
  const urls = publicUrls({ publicUrl: config.PUBLIC_URL, signed: carriers.isSigned });
  const webhooks = new WebhookRoutes({ carriers, urls, count: metrics.countHttp });
  const admin = adminTokens(config);
  if (admin.file !== undefined)
    log.info({ file: admin.file }, 'no ADMIN_TOKEN is set: the token of the console and of operators is in this file');
  if (admin.wasReadable)
    log.warn(
      { file: admin.file },
      'OTHERS COULD READ THE ADMIN TOKEN: remove the file and start again to get a new one',
    );
  const base: Base = {
    config,
    log,
    logger: log,
    clock,
    ticker,
    memory,
    metrics,
    carriers,
    webhooks,
    urls,
    instance,
  };
  const features: Feature[] = [];
  for (const open of FEATURES) features.push(await open(base));
  const records = new RecordStream({
    clock,
    instance,
    sinks: [...features.flatMap((feature) => feature.sinks ?? []), ...(deps.sinks ?? [])],
    failed: (err) => log.error({ err }, 'a watcher of records failed'),
  });
  const circuit = new ModelCircuit({ clock, log: base.log });
  const calls: Calls = new Calls({
    clock,
    ticker,
    log,
    observers: [
      records,
      metrics,
      circuit,
      ...features.flatMap((feature) => feature.observers ?? []),
      ...(deps.observers ?? []),
    ],
    taps: (info: CallInfo, hooks: TapHooks): CallTap[] =>
      features.map((feature) => feature.tap?.(info, hooks)).filter((tap) => tap !== undefined),
    count: metrics.count,
    apology: loadApology(config.APOLOGY_FILE ?? SHIPPED_APOLOGY),
    comfort: comfortSounds(config.ANSWER_FILLER),
    keypad: { pauseMs: config.DTMF_PAUSE_MS, most: config.DTMF_MAX_DIGITS, terminators: config.DTMF_TERMINATORS },
    patience: { longestMs: config.SILENCE_SECONDS * 1000, asks: config.SILENCE_ASKS },
    ended: (call, end) => {
      for (const feature of features) feature.ended?.(call, end);
    },
    limits: {
      joinMs: config.STREAM_TIMEOUT_MS,
      reclaimMs: config.RECLAIM_MS,
      ringMs: config.TRANSFER_RING_SECONDS * 1_000,
      maxMs: config.MAX_CALL_MINUTES * 60_000,
    },
  });

  const tokens = new StreamTokens({
    secrets: [config.STREAM_TOKEN_SECRET ?? randomBytes(32).toString('base64url')],
    used: new MemoryUsedTokens(() => clock.wall()),
    wall: () => clock.wall(),
  });
  const callMemory = new CallMemory(clock);
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
    loopDelayMs: loop.delayMs,
    maxCalls: config.MAX_CALLS,
    // One place at least is left to phones.
    maxPages: Math.min(config.BROWSER_MAX_CALLS, config.MAX_CALLS - 1),
    callsPerSecond: config.CALLS_PER_SECOND,
    maxLoopDelayMs: config.MAX_LOOP_DELAY_MS,
    memoryPercent: () => memoryWatch.usedPercent,
    maxMemoryPercent: config.MAX_MEMORY_PERCENT,
    memoryFull: (full, percent) => {
      if (full)
        log.warn({ percent: Math.round(percent) }, 'the memory is nearly full: no new calls until there is room');
      else log.info({ percent: Math.round(percent) }, 'there is memory again; new calls are taken');
    },
    models: circuit,
    refused: metrics.countRefusal,
  });
  const claim = async (call: CarrierCall, to: string) => {
    const plans = await Promise.all(features.map((feature) => feature.claim?.(call, to)));
    return plans.find((plan) => plan !== undefined);
  };
  const intake = new Intake({ calls, dispatch, admission });
  const desk = phoneDesk({ intake, calls, dispatch, memory: callMemory, claim });

  http.app.register(phoneWebhooks, {
    desk,
    carriers,
    webhooks,
    urls,
    memory: callMemory,
    tokens,
    count: metrics.countHttp,
    paceOf: (callId) => calls.get(callId)?.pace,
    apology: { text: config.FALLBACK_SAY },
    transferTo: config.FALLBACK_DIAL,
    transferSeconds: config.MAX_CALL_MINUTES * 60,
    callerId: config.TRANSFER_CALLER_ID,
    ringSeconds: config.TRANSFER_RING_SECONDS,
    noCallerId: ({ carrier, carrierCallId }) =>
      log.warn(
        { carrier, carrierCallId },
        'a caller without a number is connected on, and none can be shown: set TRANSFER_CALLER_ID',
      ),
    notTold: ({ carrier, carrierCallId }, error) =>
      log.error(
        { carrier, carrierCallId, code: errorCode(error), detail: errorMessage(error) },
        'a carrier does not take what it is answered',
      ),
  });
  const provenMost = Math.max(config.MAX_CALLS, config.MAX_PENDING_STREAMS);
  serveMediaStream({
    upgrades: http.upgrades,
    urls,
    carriers,
    tokens,
    count: metrics.countHttp,
    log,
    clock,
    pending: pendingLimits(config.MAX_PENDING_STREAMS),
    proven: { total: provenMost, perAddress: provenMost },
    onStream: phoneStreams({ carriers, calls, memory: callMemory, config, log, clock, count: metrics.count }),
  });

  const replay = features.find((feature) => feature.replay !== undefined)?.replay;
  const forget = async (callIds: readonly string[]) =>
    void (await Promise.all(features.map((feature) => feature.forget?.(callIds))));
  const parts: Parts = {
    ...base,
    http,
    calls,
    dispatch,
    endpoint,
    admin,
    intake,
    admission,
    replay,
    forget,
    isDraining,
  };
  for (const feature of features) await feature.install?.(parts);

  let closing: Promise<void> | undefined;
  const close = () => {
    drain.refuse();
    closing ??= (async () => {
      await calls.endAll(termination('drained'));
      await http.close(CLOSE_GRACE_MS);
      for (const feature of features.toReversed()) await closed(feature, clock, log);
      loop.close();
      memoryWatch.close();
      await dispatch.close();
      await memory.close();
      await embedded?.close();
    })();
    return closing;
  };
  return {
    server: http.app,
    http,
    calls,
    metrics,
    endpoint,
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

/** Closes a part, which may take its time but not for ever. */
async function closed(feature: Feature, clock: Clock, log: Logger): Promise<void> {
  const late = new AbortController();
  const timeout = delay(clock, FEATURE_CLOSE_MS, late.signal).then(
    () => log.error({}, 'a part of the daemon could not be closed in time'),
    () => {},
  );
  try {
    await Promise.race([feature.close?.(), timeout]);
  } catch (err) {
    log.error({ err }, 'a part of the daemon could not be closed');
  } finally {
    late.abort();
  }
}

/** The package's own version, for the OpenAPI document. */
function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
