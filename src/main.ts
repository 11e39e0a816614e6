import { flushCompileCache } from 'node:module';
import { isatty } from 'node:tty';
import { type Config, environment, loadConfig, loadEnvFile, strayNames } from './config.ts';
import { BridgeError, errorMessage } from './errors.ts';
import { createLog, type Logger } from './log.ts';
import { giveBackStartMemory } from './process/start-memory.ts';

/**
 * The daemon's process: settings, app, listening, signals. It is the one owner of signals and of the exit code. With `WORKERS` above 1 the app is in processes of
 * its own, and this one hands connections to them.
 */

/** How long ending at once may take, ms: legs close within 5 s, and what is stored is written after them. */
const CUT_MS = 15_000;
/** Who started this process, and how often it is looked whether they are still there, ms. */
const PARENT = process.ppid;
const PARENT_LOOK_MS = 1_000;
/** Looked at once: of a terminal that is closed nobody can tell any more. */
const BY_HAND = isatty(0);

/** What takes the calls: the app in this process, or several processes. */
interface Running {
  readonly url: string;
  /** Which models answer, for people. */
  readonly about: readonly string[];
  readonly adminTokenFile: string | undefined;
  readonly calls: number;
  drain(withinMs?: number): Promise<void>;
  close(): Promise<void>;
  reload?(): Promise<void>;
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof BridgeError ? `${error.code}: ` : ''}${errorMessage(error)}\n`);
  process.exit(1);
}

async function runAlone(config: Config, log: Logger): Promise<Running> {
  const { build } = await import('./app.ts');
  const app = await build(config, { log });
  return {
    url: await app.listen(),
    about: app.agents.opened.map(({ about }) => about),
    adminTokenFile: app.adminTokenFile,
    get calls() {
      return app.calls.size;
    },
    drain: (withinMs) => app.drain(withinMs),
    close: () => app.close(),
  };
}

async function run(config: Config, log: Logger): Promise<Running> {
  if (config.WORKERS === 1) return runAlone(config, log);
  const { runPrimary } = await import('./workers/run.ts');
  return runPrimary(config, log);
}

async function main(): Promise<void> {
  loadEnvFile();
  const config = loadConfig();
  const log = createLog({ level: config.ENABLE_DEBUG_LOGGING ? 'debug' : config.LOG_LEVEL });
  for (const problem of strayNames()) log.warn({ problem }, 'a variable looks like a setting and is none');
  const running = await run(config, log);
  giveBackStartMemory();
  // Node keeps what was compiled when the process ends by itself: one that is killed would have left nothing to the next.
  flushCompileCache();
  let signals = 0;
  let crashes = 0;
  const stop = (signal: string) => {
    signals++;
    if (signals === 1) {
      const { DRAIN_TIMEOUT: seconds } = config;
      log.info(
        { signal, calls: running.calls, seconds },
        'draining: no new calls; a second signal ends those that run',
      );
      running.drain().then(() => process.exit(signals === 1 && crashes === 0 ? 0 : 1), fail);
      return;
    }
    if (signals > 2) process.exit(1);
    log.warn({ signal, calls: running.calls }, 'ending at once');
    setTimeout(() => process.exit(1), CUT_MS);
    running.close().then(() => process.exit(1), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A signal to `npm start` ends npm and its shell, which do not pass it on to what they started: without them the port would stay taken.
  if (environment('npm_lifecycle_event') === 'start') {
    const look = setInterval(() => {
      if (process.ppid === PARENT) return;
      clearInterval(look);
      if (signals === 0) stop('npm is gone');
    }, PARENT_LOOK_MS);
    look.unref();
  }
  const { reload } = running;
  process.on('SIGHUP', () => {
    if (reload !== undefined) void reload();
    // A terminal that is closed ends what was started in it. To whoever wants new settings the end of all calls would be no answer.
    else if (BY_HAND) stop('SIGHUP');
    else log.warn({}, 'SIGHUP: one process alone is not replaced, nothing is read anew; set WORKERS, or start it anew');
  });
  // A bug that no call's boundary held: what it left of the process is not to be trusted for long. The calls that run have some seconds to
  // end as they would; then the process is replaced. A second one, or one while there is no time, ends them at once.
  const crash = (error: unknown) => {
    crashes++;
    log.fatal({ err: error, calls: running.calls }, 'unexpected error; the process ends');
    process.exitCode = 1;
    const { CRASH_DRAIN_SECONDS: seconds } = config;
    if (crashes === 1 && seconds > 0) {
      void running.drain(seconds * 1_000).finally(() => process.exit(1));
      return;
    }
    setTimeout(() => process.exit(1), CUT_MS);
    void running.close().finally(() => process.exit(1));
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);

  // Last: whoever reads that it listens may end it at once.
  const { url, adminTokenFile } = running;
  const publicUrl = config.PUBLIC_URL ?? '(set PUBLIC_URL to the address carriers can reach)';
  process.stdout.write(
    [
      `voicebridge listens on ${url}${config.WORKERS === 1 ? '' : `, ${config.WORKERS} processes take the calls`}`,
      ...running.about,
      `Console:             ${url}/ with ${adminTokenFile === undefined ? 'ADMIN_TOKEN' : `the token in ${adminTokenFile}`}`,
      `Place a test call:   npm run call -- --webhook ${url}/incoming-call`,
      `Point a carrier at:  ${publicUrl}/incoming-call`,
      '',
    ].join('\n'),
  );
}

main().catch(fail);
