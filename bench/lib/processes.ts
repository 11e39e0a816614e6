import { readdirSync, readFileSync } from 'node:fs';

/** What other processes have used, as Linux's /proc tells it: those are asked that are no roles of the bench and answer no questions. */

export interface ProcessUsage {
  /** CPU time of all threads so far, ms. */
  readonly cpuMs: number;
  /** Resident memory, bytes. */
  readonly rss: number;
  readonly threads: number;
}

const NOTHING: ProcessUsage = { cpuMs: 0, rss: 0, threads: 0 };
/** Bytes of a page wherever this runs. */
const PAGE = 4_096;

/** A process's; nothing of one that is gone. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function usageOf(pid: number | undefined): ProcessUsage {
  if (pid === undefined) return NOTHING;
  const fields = statOf(pid);
  if (fields === undefined) return NOTHING;
  // A tick is a hundredth of a second wherever Node runs.
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    rss: Number(fields[21]) * PAGE,
    threads: Number(fields[17]),
  };
}

/** Resident memory of which each page counts for as much as is a process's share of it, bytes: what processes of one program share is counted once. Nothing of one that is gone. */
export function shareOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

/** The processes whose parent this one is. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => Number(statOf(pid)?.[1]) === parent);
}

/** The fields behind the name, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
