import { hostname } from 'node:os';
import type { RunReport } from './report/types.ts';

/** Whose a run is: the process that has it. */

export const owner = () => ({ pid: process.pid, host: hostname() });

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** How often a run that goes on says so, ms, and after how long without that its process is taken to be gone. */
export const BEAT_MS = 30_000;
const GONE_MS = 3 * BEAT_MS;

/**
 * The report as it is for whoever reads it: a run whose process is gone, or has it no more, does not go on. `quietMs`: for how long it has not been written, nor said to go on. Of a
 * process of this host it is known at once that it is gone; that there is one of its number does not say that it is the same. Containers have another host's name with each start.
 */
export function trueState(report: RunReport, quietMs: number): RunReport {
  if (report.state !== 'running') return report;
  const { pid, host } = report.process;
  const isGone = host === hostname() && (pid === process.pid || !isAlive(pid));
  return isGone || quietMs > GONE_MS ? { ...report, state: 'interrupted' } : report;
}
