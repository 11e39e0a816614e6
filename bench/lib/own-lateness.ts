import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * How late processes under measurement were themselves, told by each of itself: phones and model that share the machine with the daemon are late, too, and what a phone heard does not say
 * whose lateness it was.
 */

/** One step's length, ms: how exactly it is known when. */
const STEP_MS = 100;

/**
 * What each process writes a line of for each step: when it ended (ms since 1970), how late its event loop was at most in it, and how long its main thread was able to run and had no
 * core, ms (the second field of /proc/thread-self/schedstat: https://docs.kernel.org/scheduler/sched-stats.html). Where there is no schedstat it waited for 0 ms.
 */
const meter = (folder: string) => `
import { appendFileSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
const file = ${JSON.stringify(folder)} + '/' + process.pid;
const waited = () => { try { return Number(readFileSync('/proc/self/task/' + process.pid + '/schedstat', 'utf8').split(' ')[1]) / 1e6; } catch { return 0; } };
if (isMainThread) {
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  let before = waited();
  setInterval(() => {
    const now = waited();
    appendFileSync(file, (performance.timeOrigin + performance.now()) + ' ' + Math.max(0, loop.max / 1e6 - 5) + ' ' + (now - before) + '\\n');
    before = now;
    loop.reset();
  }, ${STEP_MS}).unref();
}`;

export interface Lateness {
  /** The longest that its event loop was late, ms. */
  readonly loopMs: number;
  /** The longest that it stood still in a step of its own doing: less what it waited for a core in the same step, ms. */
  readonly ownMs: number;
}

export class OwnLateness {
  readonly #folder = mkdtempSync(join(tmpdir(), 'voicebridge-late-'));

  /** What NODE_OPTIONS of the processes under measurement must have among the rest. */
  get nodeOption(): string {
    return `--import=data:text/javascript,${encodeURIComponent(meter(this.#folder))}`;
  }

  /** Of this process, or of all that wrote, between two moments (ms since 1970). */
  between(fromMs: number, toMs: number, pids: readonly number[] = readdirSync(this.#folder).map(Number)): Lateness {
    const steps = pids
      .flatMap((pid) => this.#lines(pid))
      .map((line) => line.split(' ').map(Number) as [number, number, number])
      .filter(([at]) => at >= fromMs && at <= toMs + STEP_MS);
    return {
      loopMs: Math.max(0, ...steps.map(([, loop]) => loop)),
      ownMs: Math.max(0, ...steps.map(([, loop, waited]) => loop - waited)),
    };
  }

  #lines(pid: number): string[] {
    try {
      return readFileSync(join(this.#folder, String(pid)), 'utf8')
        .trimEnd()
        .split('\n');
    } catch {
      return [];
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
