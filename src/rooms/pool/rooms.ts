import type { Clock } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import { BridgeError, errorMessage } from '../../errors.ts';
import type { JoinRoom, Replaced, RoomConnection, RoomHandlers, Rooms, RoomsStats } from '../room.ts';
import { type WorkerLimits, WorkerProcess } from './worker-process.ts';

/**
 * What a worker may have. More rooms in one cost less memory each, since a process and the library take about 75 MB before the first, and more of the
 * processor, since the library shows each event to all rooms; and one that dies takes all of its calls along. What a room that the server deleted leaves
 * behind is a thread and some memory, so a worker is as good as new for a hundred of them.
 */
export const WORKER_LIMITS: WorkerLimits = { rooms: 10, served: 200, rss: 600 * 1024 * 1024, threads: 200 };

export interface RoomsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<WorkerLimits>;
}

/** How long the worker may take beyond the time for joining, ms. */
const BEYOND_MS = 3_000;

/** The pool of workers: started before they are needed, replaced before they are worn out. */
export function openRooms(options: RoomsOptions): Rooms {
  return new Pool(options);
}

class Pool implements Rooms {
  readonly #o: RoomsOptions;
  readonly #limits: WorkerLimits;
  readonly #workers = new Set<WorkerProcess>();
  readonly #replaced: Record<Replaced, number> = { served: 0, memory: 0, threads: 0, faulty: 0, died: 0, killed: 0 };
  #closed: Promise<void> | undefined;

  constructor(options: RoomsOptions) {
    this.#o = options;
    this.#limits = { ...WORKER_LIMITS, ...options.limits };
  }

  async ready(): Promise<void> {
    await this.#serving(this.#worker());
  }

  async join(options: JoinRoom, handlers: RoomHandlers): Promise<RoomConnection> {
    const { signal } = options;
    signal.throwIfAborted();
    if (this.#closed !== undefined) throw new BridgeError('ABORTED', 'no more rooms are joined');
    const worker = this.#worker();
    worker.reserve();
    this.#spare();
    let connection: RoomConnection & { joined: Promise<void> };
    try {
      const [, token] = await abortable(signal, Promise.all([this.#serving(worker), options.token()]));
      connection = worker.open(options, token, handlers);
    } catch (error) {
      worker.release();
      throw error;
    }
    try {
      await abortable(signal, this.#inTime(connection.joined, options.connectMs + BEYOND_MS));
      return connection;
    } catch (error) {
      const closed = connection.close('it could not be joined');
      // Whoever ends it deletes the room next: not around an agent that is still on its way in.
      if (signal.aborted) await closed;
      throw error;
    }
  }

  stats(): RoomsStats {
    const workers = [...this.#workers].map((worker) => worker.info);
    const rooms = workers.reduce((sum, worker) => sum + worker.rooms, 0);
    return { workers, rooms, replaced: { ...this.#replaced } };
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([...this.#workers].map((worker) => worker.end())).then(() => {});
    return this.#closed;
  }

  /** The fullest that has a place and speaks: the others can be emptied then. A new one where none has: one that is silent may hang, and who comes would wait for its end. */
  #worker(): WorkerProcess {
    let fullest: WorkerProcess | undefined;
    for (const worker of this.#workers) {
      if (worker.hasPlace && worker.answers && worker.rooms >= (fullest?.rooms ?? 0)) fullest = worker;
    }
    return fullest ?? this.#start();
  }

  #start(): WorkerProcess {
    const worker: WorkerProcess = new WorkerProcess({
      clock: this.#o.clock,
      log: this.#o.log,
      limits: this.#limits,
      replaced: (why) => {
        this.#replaced[why]++;
        this.#spare();
      },
      gone: (served) => {
        this.#workers.delete(worker);
        // One that never served would end again, until somebody asks.
        if (served) this.#spare();
      },
    });
    this.#workers.add(worker);
    return worker;
  }

  /** Keeps one with a place at hand, and no more than one that is empty. */
  #spare(): void {
    if (this.#closed !== undefined) return;
    const free = [...this.#workers].filter((worker) => worker.hasPlace && worker.answers);
    if (free.length === 0) this.#start();
    for (const worker of free.filter(({ rooms }) => rooms === 0).slice(1)) worker.drain();
  }

  async #serving(worker: WorkerProcess): Promise<void> {
    try {
      await worker.ready;
    } catch (error) {
      if (error instanceof BridgeError && error.code === 'LIVEKIT_UNAVAILABLE') throw error;
      throw new BridgeError('LIVEKIT_WORKER_FAILED', errorMessage(error), { cause: error });
    }
  }

  #inTime(joined: Promise<void>, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = this.#o.clock.after(ms, () => {
        reject(new BridgeError('LIVEKIT_UNREACHABLE', `the room was not joined within ${ms} ms`, { retryable: true }));
      });
      joined.then(resolve, reject).finally(() => late.cancel());
    });
  }
}

/** The promise's outcome, or a rejection with the signal's reason as soon as it is aborted. */
function abortable<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
