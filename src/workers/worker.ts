import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { type App, build, newInstance } from '../app.ts';
import { systemClock } from '../call/clock.ts';
import { type Config, environment, loadConfig, loadEnvFile } from '../config.ts';
import { createLog, type Logger } from '../log.ts';
import { IpcMemory } from '../memory/ipc.ts';
import { openMemory } from '../memory/open.ts';
import { openParent } from '../process/parent.ts';
import { MachineOfPrimary } from './machine-of-primary.ts';
import { PROTOCOL, SECRET_ENV, type ToPrimary, type ToWorker, UNASKED, type WorkerStart } from './messages.ts';
import { addressForOthers, portShare } from './settings.ts';

/**
 * A process that takes calls, as the daemon alone does, and is given its connections by the primary. Of signals it heeds none but SIGTERM, which has it drain: those
 * of a terminal come to all processes at once, and are the primary's to judge.
 */

/** How often a change of load is looked for, ms, and how often it is told at least. */
const LOOK_MS = 50;
const TELL_MS = 1_000;
/** How long ending at once may take, ms. */
const CUT_MS = 15_000;
/** How long a process that is done waits to tell what it counted, ms. */
const LAST_WORDS_MS = 1_000;

let app: App | undefined;
let machine: MachineOfPrimary | undefined;
let log: Logger | undefined;
let taken = 0;
let ending = false;
let heardMemory: (message: unknown) => void = () => {};
let primaryGone: () => void = () => {};

const parent = openParent({
  told(message, handle) {
    if (typeof message !== 'object' || message === null) return;
    if ('memory' in message) heardMemory(message);
    else obey(message as ToWorker, handle);
  },
  gone() {
    primaryGone();
    if (app === undefined) process.exit(1);
    // Calls that run need no port: they end as they would have.
    log?.error({ calls: app.calls.size }, 'the process that listens is gone: no new calls come, those that run go on');
    drain(undefined, 1);
  },
});
const say = (message: ToPrimary) => parent.say(message);

function obey(order: ToWorker, handle: unknown): void {
  switch (order.type) {
    case 'connection':
      taken++;
      if (handle instanceof Socket && app !== undefined && !app.http.closing) {
        handle.on('error', () => {});
        app.http.adopt(handle, order.read);
      } else {
        // The primary has it still: closed here alone it goes on there.
        if (handle instanceof Socket) handle.destroy();
        say({ type: 'refused' });
      }
      tell();
      return;
    case 'taken?':
      say({ type: 'taken', taken });
      return;
    case 'drain':
      drain(order.withinMs, 0);
      return;
    case 'close':
      close(1);
      return;
    default:
      machine?.told(order);
  }
}

function drain(withinMs: number | undefined, code: number): void {
  if (app === undefined) process.exit(code);
  ending = true;
  app.drain(withinMs).then(() => leave(code), fail);
}

function close(code: number): void {
  ending = true;
  setTimeout(() => process.exit(code), CUT_MS);
  if (app === undefined) process.exit(code);
  app.close().then(() => leave(code), fail);
}

/** Ends the process. What it counted since it was asked last is told before: else the sums of all would never have it. */
async function leave(code: number): Promise<void> {
  setTimeout(() => process.exit(code), LAST_WORDS_MS);
  const metrics = await app?.metrics.json().catch(() => undefined);
  if (metrics !== undefined) await parent.say({ type: 'metrics', id: UNASKED, metrics } satisfies ToPrimary);
  process.exit(code);
}

function fail(error: unknown): void {
  log?.fatal({ err: error }, 'the process does not end as it should');
  process.exit(1);
}

let told = '';
let toldAt = 0;

/** Tells how much there is to do here, where that has changed or was not told for long. */
function tell(changedOnly = false): void {
  if (app === undefined || machine === undefined) return;
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  const facts = {
    taken,
    calls: app.calls.size,
    requests: app.http.connections.total,
    readiness: ending ? ('draining' as const) : machine.readiness,
  };
  const now = systemClock.now();
  const text = JSON.stringify(facts);
  if (changedOnly && text === told && now - toldAt < TELL_MS) return;
  told = text;
  toldAt = now;
  say({ type: 'load', load: { ...facts, memory: { rss, heapTotal, heapUsed } } });
}

/** What of the settings is this worker's own. */
function ownConfig(config: Config, { n, of }: WorkerStart): Config {
  const { RTC_PORT_RANGE: range } = config;
  const url = addressForOthers(config);
  const secret = environment(SECRET_ENV);
  return Object.freeze({
    ...config,
    // By the primary's secret where none is set.
    ...(secret === undefined ? {} : { FLEET_SECRET: [secret] }),
    // For what other processes of this machine ask of this one, and for nobody else.
    HOST: '127.0.0.1',
    PORT: 0,
    ...(url === undefined ? {} : { INSTANCE_URL: url }),
    ...(range === undefined ? {} : { RTC_PORT_RANGE: portShare(range, n, of) }),
  });
}

function onSignals(log: Logger, { CRASH_DRAIN_SECONDS: seconds }: Config): void {
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', () => drain(undefined, 0));
  let crashes = 0;
  const crash = (error: unknown) => {
    crashes++;
    ending = true;
    tell();
    log.fatal({ err: error, calls: app?.calls.size }, 'unexpected error; the process ends');
    if (crashes === 1 && seconds > 0) void app?.drain(seconds * 1_000).finally(() => leave(1));
    else close(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

async function main(): Promise<void> {
  const start = JSON.parse(process.argv[2] ?? '{}') as WorkerStart;
  loadEnvFile();
  const settings = loadConfig();
  const config = ownConfig(settings, start);
  const instance = newInstance();
  log = createLog({ level: config.ENABLE_DEBUG_LOGGING ? 'debug' : config.LOG_LEVEL }).child({ worker: instance });
  machine = new MachineOfPrimary({ id: start.machine, clock: systemClock, say });
  // The machine's own memory is the primary's; with Redis this process talks to that itself.
  const own = new IpcMemory({
    clock: systemClock,
    port: {
      send: (message) => parent.say(message),
      onMessage: (heard) => {
        heardMemory = heard;
      },
      onClose: (closed) => {
        primaryGone = closed;
      },
    },
  });
  const redis =
    config.REDIS_URL === undefined ? undefined : { url: config.REDIS_URL, prefix: config.REDIS_PREFIX, instance };
  const memory = await openMemory({ clock: systemClock, log, dataDir: config.DATA_DIR, own, redis });
  const built = await build(config, { log, instance, machine, memory });
  onSignals(log, config);
  await built.listen();
  app = built;
  const { adminTokenFile, metrics } = built;
  machine.metricsOf(() => metrics.json());
  say({
    type: 'opened',
    protocol: PROTOCOL,
    instance,
    about: built.agents.opened.map(({ about }) => about),
    ...(adminTokenFile === undefined ? {} : { adminTokenFile }),
  });
  tell();
  parent.ready();
  // As in a process alone (`main.ts`): what only this one loads, the first one cannot keep.
  flushCompileCache();
  setInterval(() => tell(true), LOOK_MS);
}

main().catch(async (error) => {
  await parent.failed(error);
  process.exit(1);
});
