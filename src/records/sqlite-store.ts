import { BridgeError, errorMessage } from '../errors.ts';
import { notOpenedAgain } from '../stores/opened-again.ts';
import type { Query } from '../stores/queries.ts';
import { WorkerThread } from '../thread/worker-thread.ts';
import type { PriceList } from './costs.ts';
import type { RecordQueries } from './sqlite-queries.ts';
import type { RecordWorkerStart } from './sqlite-worker.ts';
import type { RecordStore } from './store.ts';

export interface SqliteStoreOptions {
  /** Path of the database file. */
  readonly path: string;
  readonly prices: PriceList;
  /** Told when the database's thread died; the next request starts another one. */
  readonly onFailure?: (error: Error) => void;
  /** Told what the operator should see to. */
  readonly onNotice?: (notice: string) => void;
}

/** Longer than a daemon that takes calls, or is not alone, leaves it alone: where nothing goes on there is no thread for it, ms. */
const IDLE_MS = 20_000;
/** Primary result codes of SQLite that say that the data is at fault: TOOBIG, CONSTRAINT, MISMATCH. https://www.sqlite.org/rescode.html */
const REFUSALS = new Set([18, 19, 20]);

/** Records in a file, written and read on a thread of its own. `open` rejects with CONFIG_INVALID when the file cannot be used. */
export function sqliteRecordStore({ path, prices, onFailure, onNotice }: SqliteStoreOptions): RecordStore {
  const thread = new WorkerThread({
    module: new URL('./sqlite-worker.ts', import.meta.url),
    name: 'records',
    workerData: { path, prices } satisfies RecordWorkerStart,
    what: `the database ${path}`,
    idleMs: IDLE_MS,
    told: (notice) => onNotice?.(String(notice)),
    gone: (failure, ready) => {
      if (failure !== undefined && ready) onFailure?.(failure);
    },
  });
  let wasOpen = false;
  const ask = async <K extends keyof RecordQueries>(
    name: K,
    ...args: Parameters<RecordQueries[K]>
  ): Promise<ReturnType<RecordQueries[K]>> => {
    try {
      return (await thread.ask({ area: 'records', name, args } satisfies Query)) as ReturnType<RecordQueries[K]>;
    } catch (cause) {
      const { errcode } = cause as { errcode?: number };
      if (errcode === undefined || !REFUSALS.has(errcode & 0xff))
        throw wasOpen ? notOpenedAgain(cause, 'the records') : cause;
      throw new BridgeError('STORE_REFUSED', errorMessage(cause), { cause });
    }
  };
  return {
    kind: 'sqlite',
    async open() {
      await thread.start();
      wasOpen = true;
    },
    append: (instance, events) => ask('append', instance, events),
    list: (query) => ask('list', query),
    get: (callId) => ask('get', callId),
    events: (callId, after, limit) => ask('events', callId, after, limit),
    between: (range) => ask('between', range),
    spoken: (callIds, limit) => ask('spoken', callIds, limit),
    overview: (query) => ask('overview', query),
    addRefused: (callers) => ask('addRefused', callers),
    refusedCallers: (query) => ask('refusedCallers', query),
    heartbeat: (instance) => ask('heartbeat', instance),
    silent: (silentMs) => ask('silent', silentMs),
    closeInterrupted: (which) => ask('closeInterrupted', which),
    removeOlder: (before, limit) => ask('removeOlder', before, limit),
    remove: (callId) => ask('remove', callId),
    removed: (after, limit) => ask('removed', after, limit),
    forgetRemoved: (before) => ask('forgetRemoved', before),
    close: () => thread.close(),
  };
}
