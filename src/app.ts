import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Admission, REFUSALS } from './admission/admission.ts';
import { ModelCircuit } from './admission/circuit.ts';
import { Machine } from './admission/machine.ts';
import { AGENTS, labelsOf, openAgents } from './agents/index.ts';
import type { AgentKind, Agents, Dialler } from './agents/kind.ts';
import { loadApology, SHIPPED_APOLOGY } from './apology.ts';
import { Calls } from './call/calls.ts';
import { type Clock, systemClock } from './call/clock.ts';
import type { CallObserver } from './call/events.ts';
import { termination } from './call/termination.ts';
import { Ticker } from './call/ticker.ts';
import type { CarrierKind } from './callers/phone/carriers/carrier.ts';
import { openCarriers, unprovenWarning } from './callers/phone/carriers/index.ts';
import { comfortSounds } from './comfort-sound.ts';
import { type Config, environment } from './config.ts';
import { type Dispatch, openDispatch } from './dispatch.ts';
import { Drain } from './drain.ts';
import { BridgeError, errorMessage } from './errors.ts';
import { openAftermath } from './features/aftermath.ts';
import { openBridge } from './features/bridge.ts';
import { openBrowser } from './features/browser.ts';
import { openConsole } from './features/console-page.ts';
import type { Base } from './features/feature.ts';
import { Features, type OpenFeature } from './features/features.ts';
import { openHealth } from './features/health.ts';
import { openListening } from './features/listening.ts';
import { openLive } from './features/live.ts';
import { openLivekit } from './features/livekit.ts';
import { openCallsApi } from './features/orders.ts';
import { openPeople } from './features/people.ts';
import { openPhone } from './features/phone.ts';
import { openRecordings } from './features/recordings.ts';
import { openRecords } from './features/records.ts';
import { openTestCallers } from './features/test-callers.ts';
import { openTests } from './features/tests.ts';
import { openTracing } from './features/tracing.ts';
import { openWebhooks } from './features/webhooks.ts';
import { openWhatsapp } from './features/whatsapp.ts';
import { openWorkbench } from './features/workbench.ts';
import { openFleet } from './fleet/http/open.ts';
import { Ownership } from './fleet/ownership.ts';
import type { Machine as MachineOfMany } from './health/machine.ts';
import { openAdminTokens } from './http/admin-token.ts';
import { HTTP_COUNTERS } from './http/counters.ts';
import { serveOpenApi } from './http/openapi.ts';
import { localUrl, publicUrls } from './http/public-url.ts';
import { RateLimiter } from './http/rate-limit.ts';
import { createHttpServer, DEFAULT_CONNECTIONS, type HttpServer } from './http/server.ts';
import { rateLimits } from './http/settings.ts';
import { FleetLimits } from './intake/fleet-limits.ts';
import { Intake } from './intake/intake.ts';
import type { ProcessMemory } from './memory/memory.ts';
import { openMemory } from './memory/open.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { EventIds, type RecordSink } from './records/event.ts';
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
  /** What is remembered of calls, in place of that which the settings say. It is closed with the app. */
  readonly memory?: ProcessMemory;
  /** The processes of this machine that take calls with this one, whose connections are given to it (`HttpServer.adopt`). */
  readonly machine?: MachineOfMany;
  /** What tells this process from others; letters and digits, another each time. */
  readonly instance?: string;
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
  openPeople,
  openRecords,
  openLive,
  openListening,
  openRecordings,
  openWebhooks,
  openHealth,
  openTracing,
  openPhone,
  openBrowser,
  openWhatsapp,
  openBridge,
  openLivekit,
  openTestCallers,
  openAftermath,
  openCallsApi,
  openWorkbench,
  openTests,
  openConsole,
];

/** How long running requests may take while the app closes, ms. */
const CLOSE_GRACE_MS = 2_000;

/** A new process's name among the others. */
export const newInstance = (): string => randomBytes(3).toString('hex');

/** Builds the daemon: every part is made and joined here and nowhere else. It does not listen yet. */
export async function build(config: Config, deps: AppDeps): Promise<App> {
  const { log } = deps;
  const clock = deps.clock ?? systemClock;
  const ticker = new Ticker(clock);
  const kinds = deps.agents ?? AGENTS;
  /** There is one when the features are joined; which carriers it has is asked when an agent is made. */
  const dialler: Dialler = {
    get carrier() {
      return features.dialler?.carrier;
    },
    get carriers() {
      return features.dialler?.carriers ?? [];
    },
    dial: (order) =>
      features.dialler?.dial(order) ??
      Promise.reject(new BridgeError('DIAL_FORBIDDEN', 'nothing that calls there is set up')),
  };
  const agents = openAgents(config, { clock, ticker, log, env: environment, dialler }, kinds);
  const instance = deps.instance ?? newInstance();
  const redis =
    config.REDIS_URL === undefined ? undefined : { url: config.REDIS_URL, prefix: config.REDIS_PREFIX, instance };
  const memory = deps.memory ?? (await openMemory({ clock, log, dataDir: config.DATA_DIR, redis }));
  const carriers = openCarriers(config, { kinds: deps.carriers, clock, log });
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
  if (!carriers.isSigned) log.warn({}, unprovenWarning(carriers));
  const urls = publicUrls({ publicUrl: config.PUBLIC_URL, signed: carriers.isSigned });
  const admin = openAdminTokens(config, log);
  const { fleet, serve: serveFleet } = openFleet({
    self: instance,
    memory,
    clock,
    log,
    count: metrics.countHttp,
    calls: () => calls.size,
    maxCalls: config.MAX_CALLS,
    isDraining: () => drain.draining,
    secrets: config.FLEET_SECRET,
    url: config.INSTANCE_URL,
    host: config.HOST,
    machine: deps.machine?.id,
  });
  const ids = new EventIds(() => clock.wall(), instance);
  const base: Base = {
    config,
    log,
    logger: log,
    clock,
    ticker,
    memory,
    metrics,
    carriers,
    urls,
    instance,
    ids,
    fleet,
    machine: deps.machine,
  };
  // Each has databases to wait for, and neither needs the other to be opened.
  const [dispatching, opening] = await Promise.allSettled([
    openDispatch({ config, kinds, agents, formOf: (name) => carriers.get(name)?.form, memory, clock, log }),
    Features.open(FEATURES, base),
  ]);
  if (dispatching.status === 'rejected' || opening.status === 'rejected') {
    if (dispatching.status === 'fulfilled') await dispatching.value.close();
    if (opening.status === 'fulfilled') await opening.value.close();
    throw dispatching.status === 'rejected' ? dispatching.reason : (opening as PromiseRejectedResult).reason;
  }
  const dispatch: Dispatch = dispatching.value;
  const features: Features = opening.value;
  const records = new RecordStream({
    clock,
    ids,
    sinks: [...features.sinks, ...(deps.sinks ?? [])],
    failed: (err) => log.error({ err }, 'a watcher of records failed'),
  });
  const circuit = new ModelCircuit({ clock, log: base.log });
  const calls: Calls = new Calls({
    clock,
    ticker,
    log,
    observers: [records, metrics, circuit, new Ownership(fleet), ...features.observers, ...(deps.observers ?? [])],
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
    oneRequest: deps.machine !== undefined,
  });
  // Before any other route: it tells of those that come after it.
  serveOpenApi(http.app, version());
  serveFleet(http.app);
  const drain = new Drain({
    calls,
    clock,
    timeoutMs: config.DRAIN_TIMEOUT * 1_000,
    timeIsUp: (left) => log.warn({ calls: left }, 'the time to drain is up; the agents say goodbye'),
    lastWork: features.finish,
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
    sharedAway: () => config.REDIS_AWAY === 'refuse' && memory.state === 'away',
    models: circuit,
    refused(reason) {
      metrics.countRefusal(reason);
      log.warn({ reason }, 'a call was refused');
      features.refused(reason);
    },
  });
  const limits = new FleetLimits({
    leases: memory.leases({ name: 'places' }),
    instance,
    most: {
      calls: config.FLEET_MAX_CALLS,
      number: config.CALLS_PER_NUMBER,
      caller: config.CALLS_PER_CALLER,
      account: config.CALLS_PER_ACCOUNT,
    },
    clock,
    log,
  });
  const intake = new Intake({ calls, dispatch, admission, fleet: limits, refused: features.turnedAway });
  const { people } = features;
  const operators = { tokens: admin.tokens, people: people.find };
  await features.install({
    ...base,
    tell: (event) => records.tell(event),
    http,
    calls,
    dispatch,
    agents,
    admin: operators,
    people,
    intake,
    admission,
    isDraining,
  });

  let closing: Promise<void> | undefined;
  const close = () => {
    drain.refuse();
    closing ??= (async () => {
      await fleet.drain();
      await calls.endAll(termination('drained'));
      await http.close(CLOSE_GRACE_MS);
      await features.close();
      machine.close();
      await dispatch.close();
      await fleet.close();
      limits.close();
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
      await fleet.begin(port);
      return localUrl(config.HOST, port);
    },
    async drain(withinMs) {
      drain.refuse();
      void fleet.drain();
      await drain.begin(withinMs);
      await close();
    },
    close,
  };
}
