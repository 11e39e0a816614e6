import type { Readiness } from './health-route.ts';

/** All processes of a machine that take calls behind one port, as one of them may tell of all. */
export interface Machine {
  /** The same in all of them, and nowhere else: they have one DATA_DIR. Undefined where the process that listens is of an older version, and gives none. */
  readonly id: string | undefined;
  /** They together, as of a moment ago; undefined until that is known. */
  readonly health: MachineHealth | undefined;
  /** Is asked now and then whether new calls may come to this process. */
  watch(readiness: () => Readiness): void;
  /** The metrics of all of them in one. Rejects where they cannot be had. */
  exposition(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface MachineHealth {
  /** `ok` where new calls may come to one of them. */
  readonly readiness: Readiness;
  readonly calls: number;
  /** Seconds since the port was opened. */
  readonly uptime: number;
  /** Bytes, of all processes. */
  readonly memory: { readonly rss: number; readonly heapTotal: number; readonly heapUsed: number };
}
