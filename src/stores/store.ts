import { BridgeError } from '../errors.ts';
import { WorkerThread } from '../thread/worker-thread.ts';
import type { BusinessStore } from './business.ts';
import type { Query } from './queries.ts';
import type { WorkerStart } from './worker.ts';

/** The embedded store of the business, on a thread of its own. */

export interface StoreOptions {
  /** Path of the database file, or ":memory:". */
  readonly path: string;
  /** The business's time zone. */
  readonly zone: string;
  readonly knowledge?: string | undefined;
  /** Whether a fresh database gets the example business. */
  readonly example?: boolean;
  readonly knowledgeMs?: number;
  /** Told when the thread died; the next query starts another one. */
  readonly onFailure?: (error: Error) => void;
  /** Told of a file of knowledge that became wrong: what was read of it before stays. */
  readonly onNotice?: (notice: string) => void;
}

export interface Store extends BusinessStore {
  /** Waits for what was asked, then closes the file. Idempotent. Queries after it are refused. */
  close(): Promise<void>;
}

/** Opens the store; rejects with CONFIG_INVALID when the file cannot be used. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { path, zone, knowledge, example = true, knowledgeMs = 10_000, onFailure, onNotice } = options;
  // At the start a wrong file is an error, as one of prompts or tools is; later what was read of it before stays.
  let wrong: unknown[] | undefined = [];
  const thread = new WorkerThread({
    module: new URL('./worker.ts', import.meta.url),
    name: 'store',
    workerData: { path, zone, knowledge, example, knowledgeMs } satisfies WorkerStart,
    what: `the database ${path}`,
    told: (notice) => {
      if (wrong === undefined) onNotice?.(String(notice));
      else wrong.push(notice);
    },
    gone: (failure, ready) => {
      if (failure !== undefined && ready) onFailure?.(failure);
    },
  });
  await thread.start();
  if (wrong.length > 0) {
    await thread.close();
    throw new BridgeError('CONFIG_INVALID', `wrong files of knowledge:\n  ${wrong.join('\n  ')}`);
  }
  wrong = undefined;
  const area = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, query) =>
          (...args: unknown[]) =>
            thread.ask({ area: name, name: String(query), args } satisfies Query),
      },
    );
  return {
    callers: area('callers'),
    appointments: area('appointments'),
    messages: area('messages'),
    knowledge: area('knowledge'),
    business: area('business'),
    close: () => thread.close(),
  } as Store;
}
