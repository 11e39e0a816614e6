import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import { WorkerThread } from '../thread/worker-thread.ts';
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

/** All recordings of the process: hands them to a thread of their own, where they are encoded and written, and asks that for what is there. */
export class Studio {
  readonly #thread: WorkerThread;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();

  constructor(start: ScribeStart, log: Log) {
    this.#log = log;
    this.#thread = new WorkerThread({
      module: new URL('./scribe-worker.ts', import.meta.url),
      name: 'recordings',
      workerData: start,
      what: 'the thread of the recordings',
      told: (message) => this.#take(message as Told),
      gone: (failure) => this.#gone(failure),
    });
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
    return this.#thread.ask(question) as Promise<Answers[Q['type']]>;
  }

  /** Writes what is still there and ends the thread. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  #send(order: Order, transfer?: ArrayBuffer[]): void {
    this.#thread.tell(order, transfer);
  }

  /** What was being recorded ends with the thread; the next recording starts another. */
  #gone(failure: Error | undefined): void {
    if (failure !== undefined) this.#log.error({ err: failure }, 'the thread of the recordings failed');
    for (const running of this.#running.values()) {
      if (failure !== undefined) this.#fail(running, 'write-failed', 'the thread of the recordings ended');
      running.resolveClosed();
    }
    this.#running.clear();
  }

  #take(told: Told): void {
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
