import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a process has used so far. */
export interface Usage {
  /** CPU time of all threads, ms. */
  readonly cpuMs: number;
  readonly atMs: number;
  /** Bytes; after a garbage collection where it was asked for. */
  readonly rss: number;
  readonly heapUsed: number;
  /** What V8 has taken from the system for the heap, used or not. */
  readonly heapTotal: number;
  /** Memory outside of the heap that the heap holds on to (buffers). */
  readonly external: number;
  /** How late the event loop was since the last reading, ms. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();

export function usage({ gc }: { gc: boolean }): Usage {
  if (gc) for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const loopP99Ms = Math.max(0, delay.percentile(99) / 1e6 - 10);
  const loopMaxMs = Math.max(0, delay.max / 1e6 - 10);
  delay.reset();
  return {
    cpuMs: (user + system) / 1000,
    atMs: performance.now(),
    rss,
    heapUsed,
    heapTotal,
    external,
    loopP99Ms,
    loopMaxMs,
  };
}

/** Percent of one core that a process used between two readings. */
export function cpuPercent(from: Usage, to: Usage): number {
  return (100 * (to.cpuMs - from.cpuMs)) / (to.atMs - from.atMs);
}

/** CPU time that the whole machine has spent on work so far, ms; NaN where the system does not say (it is Linux's /proc/stat). */
export function machineCpuMs(): number {
  try {
    const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync('/proc/stat', 'latin1')
      .split('\n', 1)[0]!
      .split(/\s+/)
      .map(Number);
    // A tick is a hundredth of a second wherever Node runs.
    return (user + nice + system + irq + softirq) * 10;
  } catch {
    return Number.NaN;
  }
}
