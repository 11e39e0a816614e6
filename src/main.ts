import { build } from './app.ts';
import { loadConfig, loadEnvFile } from './config.ts';
import { BridgeError, errorMessage } from './errors.ts';
import { createLog } from './log.ts';

/** The daemon's process: settings, app, listening, signals. It is the one owner of signals and of the exit code. */

/** How long ending at once may take, ms: legs close within 5 s, and what is stored is written after them. */
const CUT_MS = 15_000;

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof BridgeError ? `${error.code}: ` : ''}${errorMessage(error)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  loadEnvFile();
  const config = loadConfig();
  const log = createLog({ level: config.ENABLE_DEBUG_LOGGING ? 'debug' : config.LOG_LEVEL });
  const app = await build(config, { log });
  const url = await app.listen();
  const publicUrl = config.PUBLIC_URL ?? '(set PUBLIC_URL to the address carriers can reach)';
  process.stdout.write(
    [
      `voicebridge listens on ${url}`,
      ...app.agents.opened.map(({ about }) => about),
      `Watch and operate:   ${url}/ with ${app.adminTokenFile === undefined ? 'ADMIN_TOKEN' : `the token in ${app.adminTokenFile}`}`,
      `Place a test call:   npm run call -- --webhook ${url}/incoming-call`,
      `Point a carrier at:  ${publicUrl}/incoming-call`,
      '',
    ].join('\n'),
  );

  let signals = 0;
  let crashes = 0;
  const stop = (signal: string) => {
    signals++;
    if (signals === 1) {
      const { DRAIN_TIMEOUT: seconds } = config;
      log.info(
        { signal, calls: app.calls.size, seconds },
        'draining: no new calls; a second signal ends those that run',
      );
      app.drain().then(() => process.exit(signals === 1 && crashes === 0 ? 0 : 1), fail);
      return;
    }
    if (signals > 2) process.exit(1);
    log.warn({ signal, calls: app.calls.size }, 'ending at once');
    setTimeout(() => process.exit(1), CUT_MS);
    app.close().then(() => process.exit(1), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A bug that no call's boundary held: what it left of the process is not to be trusted for long. The calls that run have some seconds to
  // end as they would; then the process is replaced. A second one, or one while there is no time, ends them at once.
  const crash = (error: unknown) => {
    crashes++;
    log.fatal({ err: error, calls: app.calls.size }, 'unexpected error; the process ends');
    process.exitCode = 1;
    const { CRASH_DRAIN_SECONDS: seconds } = config;
    if (crashes === 1 && seconds > 0) {
      void app.drain(seconds * 1_000).finally(() => process.exit(1));
      return;
    }
    setTimeout(() => process.exit(1), CUT_MS);
    void app.close().finally(() => process.exit(1));
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

main().catch(fail);
