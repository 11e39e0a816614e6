import type { Readiness } from '../health/health-route.ts';
import type { MachineHealth } from '../health/machine.ts';
import type { MetricJson } from '../metrics/json.ts';

/** What the primary and a worker say to one another, beside what is of the memory (`memory/ipc-wire.ts`). */

/** Raised when what is said changes its meaning: after an update the primary is the older of both until it is started anew. */
export const PROTOCOL = 2;

/** In a worker's environment: the secret of this machine's processes, where FLEET_SECRET is not set. */
export const SECRET_ENV = 'VOICEBRIDGE_WORKERS_SECRET';

/** The `id` of metrics that nobody asked for: the last of a process that ends. */
export const UNASKED = 0;

/** Told to a worker as its first argument, in JSON. */
export interface WorkerStart {
  /** Which of `of` it is, from 0: what is shared out by number is by this one. */
  readonly n: number;
  readonly of: number;
  /** Names the run of the primary; missing where that is of an older version. */
  readonly machine?: string;
}

export type { MetricJson };

export interface Load {
  /** Connections that it has been given so far. */
  readonly taken: number;
  readonly calls: number;
  /** Connections that carry plain HTTP at the moment. */
  readonly requests: number;
  readonly readiness: Readiness;
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly heapTotal: number; readonly heapUsed: number };
}

export type ToWorker =
  /** A connection, which comes with it, and what was read of it. */
  | { readonly type: 'connection'; readonly read: Uint8Array }
  /** Take no more calls, end after the last; within so many ms where it is said. */
  | { readonly type: 'drain'; readonly withinMs?: number }
  /** End at once. */
  | { readonly type: 'close' }
  | { readonly type: 'machine'; readonly health: MachineHealth }
  | { readonly type: 'metrics?'; readonly id: number }
  /** Said behind a connection of which nothing was told for long: the answer comes behind it, too. */
  | { readonly type: 'taken?' }
  | { readonly type: 'exposition'; readonly id: number; readonly contentType: string; readonly text: string };

export type ToPrimary =
  /** Before it is ready. */
  | {
      readonly type: 'opened';
      readonly protocol: number;
      readonly instance: string;
      /** Which models answer, for people. */
      readonly about: readonly string[];
      readonly adminTokenFile?: string;
    }
  | { readonly type: 'load'; readonly load: Load }
  /** The connection that it was given last came to it broken, or when its server was closing: another is to have it. Counted among `taken` all the same. */
  | { readonly type: 'refused' }
  | { readonly type: 'taken'; readonly taken: number }
  | { readonly type: 'metrics'; readonly id: number; readonly metrics: readonly MetricJson[] }
  | { readonly type: 'exposition?'; readonly id: number };
