import { randomBytes } from 'node:crypto';
import { systemClock } from '../call/clock.ts';
import { type Config, currentConfig, startEnvironment } from '../config.ts';
import { errorCode, errorMessage } from '../errors.ts';
import { localUrl } from '../http/public-url.ts';
import type { Logger } from '../log.ts';
import { holdMemory } from '../memory/ipc-host.ts';
import { openMemory } from '../memory/open.ts';
import { SECRET_ENV } from './messages.ts';
import type { PoolLimits } from './pool.ts';
import { Primary } from './primary.ts';
import { WorkerProcess } from './worker-process.ts';

/** The daemon as several processes: this one listens and starts the others, and is the owner of signals and of the exit code. */
export interface RunningPrimary {
  readonly url: string;
  readonly about: readonly string[];
  readonly adminTokenFile: string | undefined;
  readonly calls: number;
  drain(withinMs?: number): Promise<void>;
  close(): Promise<void>;
  /** Replaces all processes, for new settings and new code. Never rejects: what cannot be started is told in the log, and those that run go on. */
  reload(): Promise<void>;
}

/** How long a worker may take to start, ms: a step of the schema on a large database included. */
const START_MS = 60_000;
/** The goodbye of agents, what is stored after it, and some more, ms. */
const AFTER_DRAIN_MS = 45_000;
/** Connections whose first line is waited for. */
const WAITING_MOST = 1_000;

const limitsOf = ({ WORKERS, WORKER_MAX_RSS_MB, WORKER_MAX_HOURS, DRAIN_TIMEOUT }: Config): PoolLimits => ({
  size: WORKERS,
  maxRss: WORKER_MAX_RSS_MB * 1e6,
  maxAgeMs: WORKER_MAX_HOURS * 3_600_000,
  killMs: DRAIN_TIMEOUT * 1_000 + AFTER_DRAIN_MS,
});

/** Starts it. Rejects with what is wrong with the settings, or LISTEN_FAILED. */
export async function runPrimary(config: Config, log: Logger): Promise<RunningPrimary> {
  const clock = systemClock;
  let current = config;
  const memory = await openMemory({ clock, log, dataDir: config.DATA_DIR });
  // By this the processes trust one another where no secret is set; it is made anew with each start of this one.
  const secret = randomBytes(32).toString('base64url');
  const env = () => ({ ...startEnvironment(), ...(current.FLEET_SECRET.length === 0 ? { [SECRET_ENV]: secret } : {}) });
  const primary = new Primary({
    limits: limitsOf(config),
    clock,
    log,
    trustProxy: config.TRUST_PROXY,
    connections: { total: WAITING_MOST, perAddress: config.CONNECTIONS_PER_ADDRESS, perProxy: WAITING_MOST },
    start: (options) =>
      new WorkerProcess({
        ...options,
        clock,
        log,
        env: env(),
        startMs: START_MS,
        hold: (port) => holdMemory(memory, port),
      }),
  });
  const port = await primary.open({ host: config.HOST, port: config.PORT });
  const [first] = primary.workers;
  const stop = async (how: Promise<void>) => {
    await how;
    await memory.close();
  };
  return {
    url: localUrl(config.HOST, port),
    about: first?.about ?? [],
    adminTokenFile: first?.adminTokenFile,
    get calls() {
      return primary.calls;
    },
    drain: (withinMs) => stop(primary.drain(withinMs)),
    close: () => stop(primary.close()),
    async reload() {
      try {
        const next = currentConfig();
        const fixed = (['HOST', 'PORT', 'DATA_DIR', 'TRUST_PROXY', 'CONNECTIONS_PER_ADDRESS'] as const).filter(
          (name) => String(next[name]) !== String(config[name]),
        );
        if (fixed.length > 0) log.warn({ settings: fixed }, 'these settings need a start of the whole daemon');
        current = next;
        log.info({ workers: next.WORKERS }, 'all processes are replaced, one after the other');
        await primary.reload(limitsOf(next));
        log.info({}, 'all processes are replaced; those before end after their calls');
      } catch (error) {
        log.error(
          { code: errorCode(error), reason: errorMessage(error) },
          'THE PROCESSES CANNOT BE REPLACED: those that run go on as they are',
        );
      }
    },
  };
}
