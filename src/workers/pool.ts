import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorCode, errorMessage } from '../errors.ts';
import type { Ending } from '../process/ending.ts';
import type { Usage } from '../process/usage.ts';
import type { Worker } from './worker-process.ts';

/** What may be set anew while the pool runs. */
export interface PoolLimits {
  readonly size: number;
  /** Resident memory above which a worker is replaced, bytes; 0: no limit. */
  readonly maxRss: number;
  /** Age at which it is, ms; 0: no limit. */
  readonly maxAgeMs: number;
  /** How long one that is told to end after its calls may take until it is killed, ms. */
  readonly killMs: number;
}

export interface PoolOptions {
  readonly limits: PoolLimits;
  /** Starts the worker number `n` of `of`. Does not throw. */
  readonly start: (n: number, of: number) => Worker;
  readonly usageOf: (pid: number) => Promise<Usage | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** One has ended, with or without our wish. Must not throw. */
  readonly ended: (worker: Worker, ending: Ending) => void;
}

/** Why a worker was replaced, or asked to. */
export type ReplacedFor = 'crash' | 'memory' | 'age' | 'reload' | 'own-wish';

/** How often memory, age and signs of life are looked at, ms. */
const LOOK_MS = 5_000;
/** A worker whose event loop stood for so long has no call left that is worth keeping. */
const HANGS_MS = 30_000;
/** One that lived for less counts as a failed start: the next is tried later each time, up to the most. */
const SHORT_LIFE_MS = 20_000;
const PAUSE_MS = [500, 30_000] as const;
/** Times in a row that a worker must be above the limit of memory: a collection may bring it below. */
const TIMES_OVER = 3;

/** Keeps the workers that there are to be: starts them, replaces those that crash, grow or age, and all when it is told. */
export class Pool {
  #limits: PoolLimits;
  readonly #o: PoolOptions;
  /** All that have not ended, the leaving ones among them. */
  readonly #workers = new Set<Worker>();
  /** By number the one whose calls those are that come. */
  readonly #current = new Map<number, Worker>();
  readonly #failures = new Map<number, number>();
  readonly #over = new Map<Worker, number>();
  /** Those that are being replaced, or were not to be a moment ago: of their own wish, for memory or age. */
  readonly #asked = new Set<Worker>();
  readonly #pauses = new Set<Timer>();
  #work: Promise<unknown> = Promise.resolve();
  #reloading: Promise<void> | undefined;
  #look: Timer | undefined;
  #leaving = false;

  constructor(options: PoolOptions) {
    this.#o = options;
    this.#limits = options.limits;
  }

  get workers(): readonly Worker[] {
    return [...this.#workers];
  }

  /** How many there are to be. */
  get size(): number {
    return this.#limits.size;
  }

  /**
   * Resolves when all serve. The first goes ahead of the others: it finds what is wrong with the settings, and makes what is in the data folder. Rejects
   * with what is wrong.
   */
  async open(): Promise<void> {
    try {
      await this.#start(0).ready;
      await Promise.all(
        this.#numbers()
          .slice(1)
          .map((n) => this.#start(n).ready),
      );
    } catch (error) {
      this.#leaving = true;
      for (const worker of this.workers) worker.kill('another did not start');
      throw error;
    }
    this.#watch();
  }

  /** Replaces all, one after the other, each when its successor serves. What cannot start leaves those that run in place; rejects then. Asked twice it does both. */
  reload(limits: PoolLimits): Promise<void> {
    const next = (this.#reloading ?? Promise.resolve()).catch(() => {}).then(() => this.#reload(limits));
    this.#reloading = next;
    return next;
  }

  /** Has all end after their calls. Resolves when all are gone. */
  async drain(withinMs: number | undefined): Promise<void> {
    this.#leave();
    for (const worker of this.workers) worker.drain(withinMs, this.#limits.killMs);
    await this.#gone();
  }

  /** Has all end at once. Resolves when all are gone. */
  async close(killMs: number): Promise<void> {
    this.#leave();
    for (const worker of this.workers) worker.close(killMs);
    await this.#gone();
  }

  /** A worker says that it takes no more calls though nobody told it: a bug in it was caught, or somebody sent it a signal. */
  changed(worker: Worker): void {
    if (worker.state !== 'serving' || worker.load?.readiness !== 'draining' || this.#leaving) return;
    // It says so again with each change of its load.
    if (this.#current.get(worker.n) === worker && !this.#asked.has(worker)) this.#ask(worker, 'own-wish');
  }

  async #gone(): Promise<void> {
    await Promise.all(this.workers.map(({ ended }) => ended));
  }

  #leave(): void {
    this.#leaving = true;
    this.#look?.cancel();
    for (const pause of this.#pauses) pause.cancel();
    this.#pauses.clear();
  }

  #numbers(): number[] {
    return Array.from({ length: this.#limits.size }, (_, n) => n);
  }

  #start(n: number): Worker {
    const worker = this.#o.start(n, this.#limits.size);
    this.#workers.add(worker);
    if (!this.#current.has(n)) this.#current.set(n, worker);
    void worker.ready.then(
      () => this.#o.log.info({ worker: worker.instance, pid: worker.pid }, 'a process takes calls'),
      () => {},
    );
    void worker.ended.then((ending) => this.#ended(worker, ending));
    return worker;
  }

  /** Starts its successor and has it leave when that serves; one at a time. Rejects where none starts. */
  #replace(worker: Worker, why: ReplacedFor): Promise<void> {
    const next = this.#work
      .catch(() => {})
      .then(async () => {
        await worker.ready.catch(() => {});
        if (this.#leaving || this.#current.get(worker.n) !== worker) return;
        this.#o.log.info({ worker: worker.instance, why }, 'a process is replaced: it ends after its calls');
        const successor = this.#start(worker.n);
        await successor.ready;
        // It may have crashed in the meantime; then this one stands in for it all the same.
        this.#current.set(worker.n, successor);
        worker.retire(this.#limits.killMs);
      });
    this.#work = next;
    return next;
  }

  /** Replaces it, and where no successor starts leaves it in place for a while. */
  #ask(worker: Worker, why: ReplacedFor): void {
    const { clock, log } = this.#o;
    const over = () => void this.#asked.delete(worker);
    this.#asked.add(worker);
    this.#replace(worker, why).then(over, (error) => {
      log.error({ why, reason: errorMessage(error) }, 'a process cannot be replaced; it goes on as it is');
      if (this.#leaving) return;
      const pause = clock.after(PAUSE_MS[1], () => {
        this.#pauses.delete(pause);
        over();
      });
      this.#pauses.add(pause);
    });
  }

  async #reload(limits: PoolLimits): Promise<void> {
    const before = this.#limits.size;
    this.#limits = limits;
    for (let n = 0; n < Math.max(before, limits.size) && !this.#leaving; n++) {
      const worker = this.#current.get(n);
      if (n >= limits.size) {
        this.#current.delete(n);
        worker?.retire(limits.killMs);
      } else if (worker === undefined) await this.#start(n).ready;
      else await this.#replace(worker, 'reload');
    }
  }

  #ended(worker: Worker, ending: Ending): void {
    const { n, instance, servesSince, load, wished } = worker;
    const { clock, log } = this.#o;
    this.#workers.delete(worker);
    this.#over.delete(worker);
    this.#asked.delete(worker);
    if (this.#current.get(n) === worker) this.#current.delete(n);
    const fields = { worker: instance, why: ending.kind, detail: ending.detail, calls: load?.calls ?? 0 };
    if (wished && (ending.kind === 'finished' || servesSince === undefined))
      log.info(fields, 'a process has ended after its calls');
    else log.error(fields, 'A PROCESS THAT TAKES CALLS IS GONE, and its calls with it');
    this.#o.ended(worker, ending);
    if (servesSince !== undefined && clock.now() - servesSince >= SHORT_LIFE_MS) this.#failures.delete(n);
    this.#again(n);
  }

  /** Another in the place of one that is gone, where none is and none starts: at once, and after a pause where that keeps happening. */
  #again(n: number): void {
    const { clock, log } = this.#o;
    const isMissing = () =>
      n < this.#limits.size &&
      !this.#current.has(n) &&
      !this.workers.some((worker) => worker.n === n && worker.state === 'starting');
    if (this.#leaving || this.#look === undefined || !isMissing()) return;
    const failures = this.#failures.get(n) ?? 0;
    this.#failures.set(n, failures + 1);
    const [first, most] = PAUSE_MS;
    const pause = clock.after(failures === 0 ? 0 : Math.min(most, first * 2 ** (failures - 1)), () => {
      this.#pauses.delete(pause);
      if (this.#leaving || !isMissing()) return;
      this.#start(n).ready.catch((error) =>
        log.error(
          { code: errorCode(error), reason: errorMessage(error) },
          'a process in the place of one that is gone does not start',
        ),
      );
    });
    this.#pauses.add(pause);
  }

  #watch(): void {
    const { clock } = this.#o;
    const due = clock.now() + LOOK_MS;
    this.#look = clock.after(LOOK_MS, () => {
      // Where this process itself stood still, what they said meanwhile is still to be read: who is silent is seen with the next look.
      if (clock.now() - due < LOOK_MS) this.#killSilent();
      void this.#lookAtAll().then(() => {
        if (!this.#leaving) this.#watch();
      });
    });
  }

  #killSilent(): void {
    for (const worker of this.workers)
      if (worker.servesSince !== undefined && worker.silentMs > HANGS_MS)
        worker.kill(`did not say anything for ${HANGS_MS} ms`);
  }

  async #lookAtAll(): Promise<void> {
    const { clock, usageOf } = this.#o;
    const { maxRss, maxAgeMs } = this.#limits;
    for (const worker of this.workers) {
      if (worker.servesSince === undefined) continue;
      if (this.#current.get(worker.n) !== worker || worker.state !== 'serving') continue;
      const rss =
        maxRss === 0 || worker.pid === undefined
          ? 0
          : ((await usageOf(worker.pid))?.rss ?? worker.load?.memory.rss ?? 0);
      const times = maxRss > 0 && rss > maxRss ? (this.#over.get(worker) ?? 0) + 1 : 0;
      this.#over.set(worker, times);
      const why =
        times >= TIMES_OVER
          ? 'memory'
          : maxAgeMs > 0 && clock.now() - worker.servesSince > maxAgeMs
            ? 'age'
            : undefined;
      // One at a time: the others wait for their turn. A start takes long, and the looks go on meanwhile.
      if (why !== undefined && this.#asked.size === 0) this.#ask(worker, why);
    }
  }
}
