import { readdirSync, readFileSync } from 'node:fs';

/** One step's length, ms: how exactly it is known when somebody waited. */
const STEP_MS = 50;

interface Step {
  /** Ms since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of each part, ms that the thread of it which waited the longest was able to run and had no core. */
  readonly waited: ReadonlyMap<string, number>;
}

const epoch = () => performance.timeOrigin + performance.now();

/**
 * Who of several processes had no core when it could have run, looked at from outside, thread by thread (the second field of /proc/PID/task/TID/schedstat:
 * https://docs.kernel.org/scheduler/sched-stats.html). What a wait was is known when it is over. Where there is no schedstat nobody waited.
 */
export class CoreWaits {
  readonly #parts: () => Readonly<Record<string, readonly number[]>>;
  readonly #before = new Map<string, number>();
  readonly #steps: Step[] = [];
  #at = epoch();
  readonly #timer: NodeJS.Timeout;

  /** `parts`: processes by what they are called. */
  constructor(parts: () => Readonly<Record<string, readonly number[]>>) {
    this.#parts = parts;
    this.#look();
    this.#timer = setInterval(() => this.#look(), STEP_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  /** Of each part the longest wait of a thread of it that ended between two moments (ms since 1970), ms. */
  between(fromMs: number, toMs: number): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const step of this.#steps) {
      if (step.toMs < fromMs || step.fromMs > toMs) continue;
      for (const [part, ms] of step.waited) found.set(part, Math.max(ms, found.get(part) ?? 0));
    }
    return found;
  }

  #look(): void {
    const waited = new Map<string, number>();
    for (const [part, pids] of Object.entries(this.#parts())) {
      let longest = 0;
      for (const pid of pids) {
        for (const task of tasksOf(pid)) {
          const now = waitedBy(task);
          longest = Math.max(longest, now - (this.#before.get(task) ?? now));
          this.#before.set(task, now);
        }
      }
      waited.set(part, longest);
    }
    const now = epoch();
    this.#steps.push({ fromMs: this.#at, toMs: now, waited });
    this.#at = now;
  }
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`);
  } catch {
    return [];
  }
}

/** Ms; 0 of a thread that is gone. */
function waitedBy(task: string): number {
  try {
    return Number(readFileSync(`${task}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
