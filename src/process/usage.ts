import { readFile } from 'node:fs/promises';

/** What a process holds of the machine. */
export interface Usage {
  /** Resident memory, bytes. */
  readonly rss: number;
  readonly threads: number;
}

/**
 * Of a running process of this machine, also one that does not answer any more. Undefined where it is gone, or where the system does not tell (it is Linux's
 * /proc). Never rejects. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  return readUsage(await readFile(`/proc/${pid}/status`, 'latin1').catch(() => ''));
}

/** Reads the text of /proc/PID/status. A process that has ended and whose end nobody took yet has no memory there. */
export function readUsage(status: string): Usage | undefined {
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1];
  const [rss, threads] = [field('VmRSS'), field('Threads')];
  return rss === undefined || threads === undefined ? undefined : { rss: Number(rss) * 1024, threads: Number(threads) };
}
