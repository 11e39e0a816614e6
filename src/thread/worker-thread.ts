import { Worker } from 'node:worker_threads';
import { type Clock, systemClock, type Timer } from '../call/clock.ts';
import { BridgeError, ERRORS, type ErrorCode } from '../errors.ts';
import type { Order, Report } from './serve.ts';

/**
 * A part of the daemon that may block, on a thread of its own and asked by messages, so that neither a lock held by another process nor a
 * slow disk nor a codec ever delays audio. The thread's side is `serve.ts`. One that dies is begun anew by what is asked or told next.
 */

export interface WorkerThreadOptions {
  /** The module that calls `serveThread`. */
  readonly module: URL;
  /** Of the thread, for debuggers. */
  readonly name: string;
  readonly workerData: unknown;
  /** What it keeps, for messages: "the database data/records.db". */
  readonly what: string;
  /** Gets what the thread tells unasked. Must not throw. */
  readonly told?: (message: unknown) => void;
  /**
   * The thread is gone: `failure` says why, and is undefined when it was closed. `ready`: it had begun to serve. Told after everything
   * that was asked has been rejected. Must not throw.
   */
  readonly gone?: (failure: Error | undefined, ready: boolean) => void;
  /** How long it may have nothing to do before it is ended, ms: what is asked or told next begins it anew. Left out: it stays. */
  readonly idleMs?: number;
  /** By which that is told. */
  readonly clock?: Clock;
}

/** How long opening may take, ms: a step of the schema on a large database included. */
const START_MS = 30_000;
/**
 * What a thread may have for objects that live for a moment, MB. A thread answers one question after the other; left to itself V8 takes
 * several times as much while its modules are compiled, and keeps it.
 */
const YOUNG_MB = 3;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** One running thread, from its start to its exit. */
interface Running {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  isReady: boolean;
}

export class WorkerThread {
  readonly #options: WorkerThreadOptions;
  readonly #pending = new Map<number, Pending>();
  #running: Running | undefined;
  #next = 1;
  #closed: Promise<void> | undefined;
  #idle: Timer | undefined;
  /** The end of all that had nothing to do: one that is slow to end may still hold its file when the next one leaves. */
  #leaving: Promise<void> | undefined;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
  }

  /** Resolves when it serves. Rejects with the code that opening failed with, CONFIG_INVALID where it has none. */
  start(): Promise<void> {
    return this.#run().ready;
  }

  /** Asks; rejects with what the thread threw, and with ABORTED when it is closed or dies before it answers. */
  async ask(question: unknown): Promise<unknown> {
    if (this.#closed !== undefined) throw new BridgeError('ABORTED', `${this.#options.what} is closed`);
    const running = this.#run();
    if (!running.isReady) await running.ready;
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      // Throws when the question cannot be copied to the thread: then nothing is pending.
      running.worker.postMessage({ type: 'ask', id, question } satisfies Order);
      // A thread that waits alone does not keep the process alive, an unanswered question does.
      if (this.#pending.size === 0) running.worker.ref();
      this.#pending.set(id, { resolve, reject });
    });
  }

  /** Tells what has no answer, in order with all that is asked and told; what is in `transfer` is given away. Ignored once it is closed and gone. */
  tell(message: unknown, transfer: ArrayBuffer[] = []): void {
    if (this.#closed !== undefined && this.#running === undefined) return;
    this.#run().worker.postMessage({ type: 'tell', message } satisfies Order, transfer);
  }

  /** Waits for what was asked and told, then ends the thread. Idempotent. Questions after it are refused. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#idle?.cancel();
      const running = this.#running;
      await Promise.all([this.#leaving, running && end(running.worker)]);
    })();
    return this.#closed;
  }

  /** Something is for it to do. */
  #run(): Running {
    this.#idle?.cancel();
    this.#running ??= this.#open();
    const running = this.#running;
    const { idleMs } = this.#options;
    if (idleMs !== undefined)
      this.#idle = (this.#options.clock ?? systemClock).after(idleMs, () => this.#rest(running));
    return running;
  }

  /** It had nothing to do for so long: what was told is still taken, and whatever comes from now on is another thread's. */
  #rest(running: Running): void {
    if (this.#running !== running || this.#closed !== undefined) return;
    if (this.#pending.size > 0 || !running.isReady) {
      this.#run();
      return;
    }
    this.#running = undefined;
    this.#leaving = Promise.all([this.#leaving, end(running.worker)]).then(() => {});
  }

  #open(): Running {
    const { module, name, workerData, what } = this.#options;
    const worker = new Worker(module, { workerData, name, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever only tells does not ask whether it started: `gone` says so.
    promise.catch(() => {});
    const running: Running = { worker, ready: promise, isReady: false };
    let failure: Error | undefined;
    // A file system that does not answer must not keep the daemon from saying so.
    const limit = systemClock.after(START_MS, () => {
      failure = new Error(`${what} did not open within ${START_MS / 1000} s`);
      void worker.terminate();
    });
    worker.on('message', (report: Report) => {
      if (report.type !== 'ready') {
        this.#take(report, worker);
        return;
      }
      running.isReady = true;
      limit.cancel();
      // What was asked meanwhile is asked when this promise's reactions run, and holds the process again.
      worker.unref();
      resolve();
    });
    worker.once('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    // Comes after `error`, and alone when the thread was ended.
    worker.once('exit', () => {
      limit.cancel();
      // One that rested may end when the next is at work already, whose questions are none of its.
      const isNow = this.#running === running;
      if (isNow) this.#running = undefined;
      const cause = failure === undefined ? {} : { cause: failure };
      const aborted = new BridgeError('ABORTED', `${what} closed before it answered`, cause);
      if (isNow) {
        for (const pending of this.#pending.values()) pending.reject(aborted);
        this.#pending.clear();
      }
      if (!running.isReady)
        reject(new BridgeError(codeOf(failure), failure?.message ?? `${what} did not start`, cause));
      const closed = (this.#closed !== undefined || !isNow) && failure === undefined;
      this.#options.gone?.(closed ? undefined : (failure ?? new Error(`${what} ended`)), running.isReady);
    });
    return running;
  }

  #take(report: Exclude<Report, { type: 'ready' }>, worker: Worker): void {
    if (report.type === 'told') {
      this.#options.told?.(report.message);
      return;
    }
    const pending = this.#pending.get(report.id);
    this.#pending.delete(report.id);
    if (this.#pending.size === 0) worker.unref();
    if (report.type === 'answer') {
      pending?.resolve(report.value);
      return;
    }
    const { message, stack, errcode } = report.error;
    pending?.reject(Object.assign(new Error(message), { stack }, errcode === undefined ? {} : { errcode }));
  }
}

/** Has it take what it was sent and end. */
async function end(worker: Worker): Promise<void> {
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.ref();
  worker.postMessage({ type: 'close' } satisfies Order);
  await gone;
}

/** The code of an error that came from the thread, as a copy without its class. */
function codeOf(error: Error | undefined): ErrorCode {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'CONFIG_INVALID';
}
