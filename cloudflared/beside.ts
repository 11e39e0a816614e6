import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs a tunnel beside a daemon. The daemon is what counts: the tunnel starts when it listens, is started again whenever it dies, and ends
 * after it, so that calls which the daemon still finishes keep their way in.
 */

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface BesideOptions {
  readonly daemon: Program;
  readonly tunnel: Program;
  /** Resolves to true once the daemon listens, to false when `over` aborts before. Must not reject. */
  readonly listening: (over: AbortSignal) => Promise<boolean>;
  /** Waits before the tunnel is started again, ms: the first, doubled each time up to the longest; the first again after a run of `steadyMs`. */
  readonly retry: { readonly firstMs: number; readonly longestMs: number; readonly steadyMs: number };
  /** How long the tunnel may take to end after SIGTERM, ms. */
  readonly stopMs: number;
  readonly say: (line: string) => void;
}

export interface Beside {
  /** Resolves with the daemon's exit status when both have ended; 128 + n for one that signal n ended. */
  readonly ended: Promise<number>;
  /** Passes a signal to the daemon: the first begins its drain, the second cuts it. */
  signal(name: NodeJS.Signals): void;
  /** Ends both at once; for when this process itself has to go. */
  kill(): void;
}

/** Starts both. */
export function runBeside(options: BesideOptions): Beside {
  const over = new AbortController();
  const daemon = start(options.daemon);
  const tunnels = new Set<ChildProcess>();
  const tunnel = keepTunnel(options, tunnels, over.signal);
  const ended = exitOf(daemon).then(async (status) => {
    options.say(`the daemon ended with ${status}`);
    over.abort();
    await tunnel;
    return status;
  });
  return {
    ended,
    signal: (name) => void daemon.kill(name),
    kill() {
      daemon.kill('SIGKILL');
      for (const child of tunnels) child.kill('SIGKILL');
    },
  };
}

/** Each program leads a process group of its own: Ctrl-C in a terminal reaches this process alone, which knows in what order to stop them. */
function start({ command, args, env }: Program): ChildProcess {
  return spawn(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
}

/** Exit status; 128 + n after signal n; 127 when it could not be started. */
function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

async function keepTunnel(options: BesideOptions, running: Set<ChildProcess>, over: AbortSignal): Promise<void> {
  const { retry, say, stopMs } = options;
  if (!(await options.listening(over))) return;
  let wait = retry.firstMs;
  while (!over.aborted) {
    const startedAt = performance.now();
    const child = start(options.tunnel);
    running.add(child);
    const status = await endOf(child, stopMs, over);
    running.delete(child);
    if (over.aborted) return;
    if (performance.now() - startedAt >= retry.steadyMs) wait = retry.firstMs;
    say(`the tunnel ended with ${status}; it is started again in ${wait} ms`);
    await delay(wait, undefined, { signal: over }).catch(() => undefined);
    wait = Math.min(wait * 2, retry.longestMs);
  }
}

/** Waits for the tunnel's end, and brings it about when all is over: SIGTERM, then SIGKILL. */
async function endOf(child: ChildProcess, stopMs: number, over: AbortSignal): Promise<number> {
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  };
  over.addEventListener('abort', stop, { once: true });
  const status = await exitOf(child);
  over.removeEventListener('abort', stop);
  clearTimeout(killer);
  return status;
}
