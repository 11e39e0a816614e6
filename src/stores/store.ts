import { Worker } from 'node:worker_threads';
import { systemClock } from '../call/clock.ts';
import { BridgeError } from '../errors.ts';
import type { BusinessStore } from './business.ts';
import type { Answer, WorkerStart } from './worker.ts';

/**
 * The embedded store for the daemon: the database runs on a thread of its own and is asked by messages, so that neither a write lock held
 * by another process nor a slow disk ever delays audio.
 */

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

/** How long opening may take, ms: a step of the schema on a large database included. */
const START_MS = 30_000;

/** Opens the store; rejects with CONFIG_INVALID when the file cannot be used. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const thread = new StoreThread(options);
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

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly worker: Worker;
}

class StoreThread {
  readonly #options: StoreOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Promise<Worker> | undefined;
  #next = 1;
  #closed: Promise<void> | undefined;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  start(): Promise<Worker> {
    this.#worker ??= this.#open();
    return this.#worker;
  }

  async ask(area: string, name: string, args: unknown[]): Promise<unknown> {
    if (this.#closed !== undefined) throw new BridgeError('ABORTED', 'the store is closed');
    const worker = await this.start();
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      // Throws when an argument cannot be copied to the thread: then nothing is pending.
      worker.postMessage({ id, area, name, args });
      // An open database alone does not keep the process alive, an unanswered question does.
      if (this.#pending.size === 0) worker.ref();
      this.#pending.set(id, { resolve, reject, worker });
    });
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      const worker = await this.#worker?.catch(() => undefined);
      if (worker === undefined) return;
      const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.ref();
      worker.postMessage('close');
      await gone;
    })();
    return this.#closed;
  }

  #open(): Promise<Worker> {
    const { path, zone, knowledge, example = true, knowledgeMs = 10_000 } = this.#options;
    const workerData: WorkerStart = { path, zone, knowledge, example, knowledgeMs };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, name: 'store' });
    return new Promise((resolve, reject) => {
      let ready = false;
      let failure: Error | undefined;
      // A file system that does not answer must not keep the daemon from saying so.
      const limit = systemClock.after(START_MS, () => {
        failure = new Error(`the database ${path} did not open within ${START_MS / 1000} s`);
        void worker.terminate();
      });
      worker.on('message', (message: 'ready' | Answer) => {
        if (message === 'ready') {
          ready = true;
          limit.cancel();
          worker.unref();
          resolve(worker);
        } else this.#settle(message);
      });
      worker.once('error', (error) => {
        failure = error instanceof Error ? error : new Error(String(error));
      });
      // Comes after `error`, and alone when the thread was ended.
      worker.once('exit', () => {
        limit.cancel();
        this.#worker = undefined;
        const cause = failure === undefined ? {} : { cause: failure };
        this.#fail(new BridgeError('ABORTED', 'the store closed before it answered', cause));
        if (!ready) reject(new BridgeError('CONFIG_INVALID', failure?.message ?? 'the store did not start', cause));
        else if (this.#closed === undefined) this.#options.onFailure?.(failure ?? new Error('the store ended'));
      });
    });
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (this.#pending.size === 0) pending?.worker.unref();
    if ('value' in answer) pending?.resolve(answer.value);
    else pending?.reject(Object.assign(new Error(answer.error.message), { stack: answer.error.stack }));
  }

  #fail(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}
