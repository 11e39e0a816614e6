import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { MemoryPort } from '../memory/ipc-wire.ts';
import { Child } from '../process/child.ts';
import type { Ending } from '../process/ending.ts';
import type { Candidate } from './choose.ts';
import { type Connection, Handover } from './handover.ts';
import { type Load, type MetricJson, PROTOCOL, type ToPrimary, type ToWorker, type WorkerStart } from './messages.ts';

/** What the primary needs of a worker; tests put one in that is no process. */
export interface Worker extends Candidate {
  readonly n: number;
  readonly pid: number | undefined;
  readonly about: readonly string[];
  readonly adminTokenFile: string | undefined;
  /** It was told to end. */
  readonly wished: boolean;
  /** For how long it has not told of itself, ms. */
  readonly silentMs: number;
  /** When it began to serve, monotonic ms; undefined before. */
  readonly servesSince: number | undefined;
  /** Resolves when it serves. Rejects with the code of what was wrong. */
  readonly ready: Promise<void>;
  readonly ended: Promise<Ending>;
  /** Gives the connection away, in order. */
  hand(connection: Connection): void;
  /** Those that wait to be given to it, which it does not get any more. */
  takeBack(): Connection[];
  /** Has it take no new calls, once what it is answering is answered, and end after its last call, or be killed `killMs` after it was told. */
  retire(killMs: number): void;
  /** Has it take no more calls at once and end within so many ms, or be killed. */
  drain(withinMs: number | undefined, killMs: number): void;
  close(killMs: number): void;
  kill(why: string): void;
  say(message: ToWorker): void;
  /** Its metrics; the last that it told where it does not tell in time. */
  metrics(withinMs: number): Promise<readonly MetricJson[]>;
  /** As it told them last. */
  readonly lastMetrics: readonly MetricJson[];
}

export interface WorkerOptions {
  readonly start: WorkerStart;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly module?: URL;
  readonly clock: Clock;
  readonly log: Log;
  readonly startMs: number;
  /** It told of itself, or changed. Must not throw. */
  readonly changed: (worker: Worker) => void;
  /** It wants the metrics of all. */
  readonly exposition: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** It is gone, or does not take connections: these it has not got. */
  readonly back: (connections: readonly Connection[]) => void;
  /** Holds its memory. */
  readonly hold?: (port: MemoryPort) => void;
}

/** It tells of itself each second: one that did not for so long is not asked where another is. */
const SILENT_MS = 3_000;
/** How long what a retiring worker answers at the moment is waited for, ms: a webhook that has not become a call yet would be refused. */
const ANSWERS_MS = 5_000;
const LOOK_MS = 50;

/** Of the sources, also in the built form: which of the two runs is settled there, each time. */
const MODULE = new URL('./start.js', import.meta.url);

export class WorkerProcess implements Worker {
  readonly n: number;
  readonly ready: Promise<void>;
  readonly ended: Promise<Ending>;
  instance: string | undefined;
  about: readonly string[] = [];
  adminTokenFile: string | undefined;
  state: Candidate['state'] = 'starting';
  load: Load | undefined;
  servesSince: number | undefined;
  wished = false;
  lastMetrics: readonly MetricJson[] = [];
  readonly #o: WorkerOptions;
  readonly #child: Child;
  readonly #handover: Handover;
  #heardAt: number;
  #protocol = 0;
  #asked = 0;
  readonly #asks = new Map<number, (metrics: readonly MetricJson[]) => void>();
  #heard: (message: unknown) => void = () => {};
  #closed: () => void = () => {};
  #looks: Timer | undefined;

  constructor(options: WorkerOptions) {
    const { start, env, clock, startMs } = options;
    this.#o = options;
    this.n = start.n;
    this.#heardAt = clock.now();
    this.#child = new Child({
      module: options.module ?? MODULE,
      args: [JSON.stringify(start)],
      env,
      what: 'a worker',
      clock,
      startMs,
      said: (message) => this.#hear(message),
    });
    this.#handover = new Handover({
      clock,
      back: options.back,
      ask: () => this.say({ type: 'taken?' }),
      send: ({ socket, read }) =>
        void this.#child.say({ type: 'connection', read } satisfies ToWorker, socket).catch((error) => {
          options.log.warn({ detail: errorMessage(error) }, 'a connection could not be handed over');
        }),
    });
    options.hold?.({
      send: (message) => void this.#child.say(message).catch(() => {}),
      onMessage: (heard) => {
        this.#heard = heard;
      },
      onClose: (closed) => {
        this.#closed = closed;
      },
    });
    this.ready = this.#child.ready.then(() => {
      if (this.#protocol !== PROTOCOL) {
        this.kill('the program was updated');
        throw new Error('the program on the disk talks otherwise than the process that listens: start the daemon anew');
      }
      if (this.state === 'starting') this.state = 'serving';
      this.servesSince = clock.now();
      this.#handover.open();
    });
    this.ready.catch(() => {});
    this.ended = this.#child.ended.then((ending) => {
      this.state = 'ended';
      this.#looks?.cancel();
      this.#closed();
      for (const answer of this.#asks.values()) answer(this.lastMetrics);
      this.#asks.clear();
      options.changed(this);
      this.#handover.close();
      return ending;
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get pending(): number {
    return this.#handover.pending;
  }

  get silent(): boolean {
    return this.silentMs > SILENT_MS;
  }

  get silentMs(): number {
    return this.#o.clock.now() - this.#heardAt;
  }

  hand(connection: Connection): void {
    this.#handover.hand(connection);
  }

  takeBack(): Connection[] {
    return this.#handover.takeBack();
  }

  retire(killMs: number): void {
    if (this.state !== 'serving') return;
    this.state = 'retiring';
    this.wished = true;
    const { clock } = this.#o;
    const latest = clock.now() + ANSWERS_MS;
    const look = () => {
      const idle = this.pending === 0 && (this.load?.requests ?? 0) === 0;
      if (idle || clock.now() >= latest) this.drain(undefined, killMs);
      else this.#looks = clock.after(LOOK_MS, look);
    };
    look();
  }

  drain(withinMs: number | undefined, killMs: number): void {
    if (this.state === 'ended') return;
    this.#looks?.cancel();
    this.state = 'draining';
    this.#end({ type: 'drain', ...(withinMs === undefined ? {} : { withinMs }) }, killMs);
  }

  close(killMs: number): void {
    if (this.state === 'ended') return;
    this.#looks?.cancel();
    this.state = 'draining';
    this.#end({ type: 'close' }, killMs);
  }

  kill(why: string): void {
    this.#child.kill(why);
  }

  say(message: ToWorker): void {
    // That it is gone `ended` says.
    void this.#child.say(message).catch(() => {});
  }

  metrics(withinMs: number): Promise<readonly MetricJson[]> {
    if (this.servesSince === undefined || this.state === 'ended') return Promise.resolve(this.lastMetrics);
    return new Promise((resolve) => {
      const id = ++this.#asked;
      const answer = (metrics: readonly MetricJson[]) => {
        late.cancel();
        this.#asks.delete(id);
        resolve(metrics);
      };
      const late = this.#o.clock.after(withinMs, () => answer(this.lastMetrics));
      this.#asks.set(id, answer);
      this.say({ type: 'metrics?', id });
    });
  }

  #end(message: ToWorker, killMs: number): void {
    this.wished = true;
    // One that still starts has no calls, and hears nothing before all its modules are read.
    if (this.servesSince === undefined) {
      this.kill('it is not needed any more');
      return;
    }
    void this.#child.end(killMs, message);
  }

  #hear(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    if ('memory' in message) {
      this.#heard(message);
      return;
    }
    const told = message as ToPrimary;
    switch (told.type) {
      case 'opened':
        this.#protocol = told.protocol;
        this.instance = told.instance;
        this.about = told.about;
        this.adminTokenFile = told.adminTokenFile;
        return;
      case 'refused':
        this.#handover.refused();
        return;
      case 'load':
        this.load = told.load;
        this.#heardAt = this.#o.clock.now();
        this.#handover.told(told.load.taken);
        this.#o.changed(this);
        return;
      case 'taken':
        this.#handover.answered(told.taken);
        return;
      case 'metrics':
        this.lastMetrics = told.metrics;
        this.#asks.get(told.id)?.(told.metrics);
        return;
      case 'exposition?':
        void this.#o.exposition().then((all) => this.say({ type: 'exposition', id: told.id, ...all }));
        return;
      default:
        // A newer program on the disk may say more.
        told satisfies never;
    }
  }
}
