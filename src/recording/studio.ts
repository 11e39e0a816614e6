import { Worker } from 'node:worker_threads';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { Format } from './files.ts';
import type { Answers, Order, Question, Told } from './scribe.ts';
import type { ScribeStart } from './scribe-worker.ts';

/** What a recording that is being written is told to whoever began it. */
export type ReelFailure = 'disk-full' | 'write-failed' | 'too-long' | 'too-slow';

export interface ReelSpec {
  readonly callId: string;
  readonly format: Format;
  readonly sampleRate: number;
  readonly consent: 'notice' | 'operator';
  /** Wall time, ms. */
  readonly startedAt: number;
  /** Told once, when nothing more of it will be written. */
  readonly failed: (reason: ReelFailure, message: string) => void;
}

/** One recording that is being written. */
export interface Reel {
  /** Takes interleaved samples; they are copied. Never waits, never throws. */
  write(stereo: Int16Array): void;
  /** No more comes. Resolves when the file is whole. Never rejects. */
  close(reason: string): Promise<void>;
}

/** Audio gathered before it is handed over, ms. */
const PIECE_MS = 500;
/** Audio that may wait for the disk, ms: beyond it the recording is given up, so that a disk that hangs costs no more memory. */
const WAITING_MS = 20_000;

interface Running {
  readonly spec: ReelSpec;
  waiting: number;
  failed: boolean;
  readonly closed: Promise<void>;
  resolveClosed: () => void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** All recordings of the process: hands them to a thread of their own, where they are encoded and written, and asks that for what is there. */
export class Studio {
  readonly #start: ScribeStart;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #ask = 1;
  #ended = false;

  constructor(start: ScribeStart, log: Log) {
    this.#start = start;
    this.#log = log;
  }

  /** Begins a recording. Its manifest, with the consent, is on the disk before any audio is. */
  record(spec: ReelSpec): Reel {
    const { callId, format, sampleRate, consent, startedAt } = spec;
    const { promise, resolve } = Promise.withResolvers<void>();
    const running: Running = { spec, waiting: 0, failed: false, closed: promise, resolveClosed: resolve };
    this.#running.set(callId, running);
    this.#send({ type: 'open', id: callId, format, sampleRate, consent, startedAt });
    const piece = (sampleRate / 1000) * PIECE_MS * 2;
    const most = (sampleRate / 1000) * WAITING_MS * 2;
    let gathered = new Int16Array(piece);
    let filled = 0;
    const hand = () => {
      if (filled === 0 || running.failed) return;
      const stereo = filled === piece ? gathered : gathered.slice(0, filled);
      gathered = new Int16Array(piece);
      filled = 0;
      if (running.waiting + stereo.length > most) {
        this.#fail(running, 'too-slow', `${WAITING_MS} ms of audio wait for the disk`);
        return;
      }
      running.waiting += stereo.length;
      this.#send({ type: 'write', id: callId, stereo }, [stereo.buffer]);
    };
    return {
      write: (stereo) => {
        if (running.failed) return;
        for (let at = 0; at < stereo.length; ) {
          const n = Math.min(piece - filled, stereo.length - at);
          gathered.set(stereo.subarray(at, at + n), filled);
          filled += n;
          at += n;
          if (filled === piece) hand();
        }
      },
      close: (reason) => {
        hand();
        this.#send({ type: 'close', id: callId, reason });
        return running.closed;
      },
    };
  }

  /** Rejects when the thread fails. */
  ask<Q extends Question>(question: Q): Promise<Answers[Q['type']]> {
    return new Promise((resolve, reject) => {
      const ask = this.#ask++;
      this.#pending.set(ask, { resolve: resolve as (value: unknown) => void, reject });
      this.#send({ type: 'ask', ask, question });
    });
  }

  /** Writes what is still there and ends the thread. */
  async close(): Promise<void> {
    this.#ended = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    worker.postMessage({ type: 'end' } satisfies Order);
    await gone;
  }

  #send(order: Order, transfer: ArrayBuffer[] = []): void {
    if (this.#ended && this.#worker === undefined) return;
    this.#worker ??= this.#open();
    this.#worker.postMessage(order, transfer);
  }

  #open(): Worker {
    const worker = new Worker(new URL('./scribe-worker.ts', import.meta.url), {
      workerData: this.#start,
      name: 'recordings',
    });
    worker.unref();
    worker.on('message', (told: Told) => this.#take(told));
    worker.on('error', (err) => this.#log.error({ err }, 'the thread of the recordings failed'));
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const running of this.#running.values()) {
        if (!this.#ended) this.#fail(running, 'write-failed', 'the thread of the recordings ended');
        running.resolveClosed();
      }
      this.#running.clear();
      for (const { reject } of this.#pending.values()) reject(new Error('the thread of the recordings ended'));
      this.#pending.clear();
    });
    return worker;
  }

  #take(told: Told): void {
    if (told.type === 'answer') {
      const pending = this.#pending.get(told.ask);
      this.#pending.delete(told.ask);
      if (told.error === undefined) pending?.resolve(told.value);
      else pending?.reject(new Error(told.error));
      return;
    }
    const running = this.#running.get(told.id);
    if (running === undefined) return;
    switch (told.type) {
      case 'written':
        running.waiting -= told.samples;
        return;
      case 'failed':
        this.#fail(running, told.reason, told.message);
        return;
      case 'closed':
        this.#running.delete(told.id);
        running.resolveClosed();
        return;
      default:
        told satisfies never;
    }
  }

  #fail(running: Running, reason: ReelFailure, message: string): void {
    if (running.failed) return;
    running.failed = true;
    try {
      running.spec.failed(reason, message);
    } catch (error) {
      this.#log.error({ reason: errorMessage(error) }, 'the end of a recording could not be told');
    }
  }
}
