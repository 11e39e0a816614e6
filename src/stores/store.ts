import type { BusinessStore } from './business.ts';
import { DatabaseThread } from './thread.ts';
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
}

export interface Store extends BusinessStore {
  /** Waits for what was asked, then closes the file. Idempotent. Queries after it are refused. */
  close(): Promise<void>;
}

/** Opens the store; rejects with CONFIG_INVALID when the file cannot be used. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { path, zone, knowledge, example = true, knowledgeMs = 10_000, onFailure } = options;
  const thread = new DatabaseThread({
    module: new URL('./worker.ts', import.meta.url),
    name: 'store',
    workerData: { path, zone, knowledge, example, knowledgeMs } satisfies WorkerStart,
    path,
    onFailure,
  });
  await thread.start();
  const area = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, query) =>
          (...args: unknown[]) =>
            thread.ask(name, String(query), args),
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
