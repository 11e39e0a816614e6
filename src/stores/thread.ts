import { Worker } from 'node:worker_threads';
import { systemClock } from '../call/clock.ts';
import { BridgeError, ERRORS, type ErrorCode } from '../errors.ts';
import type { Answer, Request } from './serve.ts';

/**
 * A database on a thread of its own, asked by messages, so that neither a write lock held by another process nor a slow disk ever delays
 * audio. The thread's side is `serve.ts`.
 */

export interface ThreadOptions {
  /** The module that calls `serveDatabase`. */
  readonly module: URL;
  /** Of the thread, for debuggers. */
  readonly name: string;
  readonly workerData: unknown;
  /** Path of the database, for messages. */
  readonly path: string;
  /** Told when the thread died; the next question starts another one. */
  readonly onFailure?: ((error: Error) => void) | undefined;
}

/** How long opening may take, ms: a step of the schema on a large database included. */
const START_MS = 30_000;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly worker: Worker;
}

export class DatabaseThread {
  readonly #options: ThreadOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Promise<Worker> | undefined;
  #next = 1;
  #closed: Promise<void> | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** Rejects with the code that opening failed with, CONFIG_INVALID where it has none. */
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
      worker.postMessage({ id, area, name, args } satisfies Request);
      // An open database alone does not keep the process alive, an unanswered question does.
      if (this.#pending.size === 0) worker.ref();
      this.#pending.set(id, { resolve, reject, worker });
    });
  }

  /** Waits for what was asked, then closes the file. Idempotent. Questions after it are refused. */
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
    const { module, name, workerData, path } = this.#options;
    const worker = new Worker(module, { workerData, name });
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
        if (!ready) reject(new BridgeError(codeOf(failure), failure?.message ?? 'the store did not start', cause));
        else if (this.#closed === undefined) this.#options.onFailure?.(failure ?? new Error('the store ended'));
      });
    });
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (this.#pending.size === 0) pending?.worker.unref();
    if ('value' in answer) {
      pending?.resolve(answer.value);
      return;
    }
    const { message, stack, errcode } = answer.error;
    pending?.reject(Object.assign(new Error(message), { stack }, errcode === undefined ? {} : { errcode }));
  }

  #fail(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

/** The code of an error that came from the thread, as a copy without its class. */
function codeOf(error: Error | undefined): ErrorCode {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'CONFIG_INVALID';
}
