import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { OPERATOR_TOKEN } from './operator.ts';
import { PROCESS_ENV } from './process-env.ts';
import { until } from './rig.ts';

/** The daemon as a process of its own, as it is run in earnest: with real signals. */
export interface DaemonProcess {
  readonly url: string;
  /** Resolves to its exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>;
  /** All that it has printed and logged. */
  output(): string;
  /** Sends a signal. */
  signal(name: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Starts it with these settings and no others; on a free port of loopback unless they name one. `program`: its first module. */
export async function startDaemonProcess(
  settings: Record<string, string>,
  program = 'src/main.ts',
): Promise<DaemonProcess> {
  const root = join(import.meta.dirname, '../..');
  const child = spawn(process.execPath, [join(root, program)], {
    cwd: root,
    env: {
      ...PROCESS_ENV,
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'silent',
      ADMIN_TOKEN: OPERATOR_TOKEN,
      METRICS_ACCESS: 'public',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const listens = until(() => /listens on (http:[^\s,]+)/.exec(text)?.[1], 'the daemon listens', 60_000);
  // One that does not come to listen would keep the tests' process from its end.
  const url = await listens.catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    url,
    exit,
    output: () => text,
    signal: (name) => void child.kill(name),
    async kill(signal) {
      child.kill(signal);
      await exit;
    },
  };
}
