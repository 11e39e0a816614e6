import { join } from 'node:path';
import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorCode, errorMessage } from '../errors.ts';
import { Backlog, type Segment } from './backlog.ts';
import type { CallRecord } from './call-record.ts';
import type { RecordedEvent, RecordSink } from './event.ts';
import type { SpoolFolder } from './owner.ts';
import { RefusedEvents } from './refused.ts';
import { storable } from './storable.ts';
import type { RecordStore } from './store.ts';
import type { Waiting, WriterMeters } from './writer-meters.ts';

export interface RecordWriterOptions {
  readonly store: RecordStore;
  /** This process's own folder of spool files. */
  readonly folder: SpoolFolder;
  /** Folders of processes that died: what is in them is stored first. */
  readonly abandoned: readonly SpoolFolder[];
  readonly clock: Clock;
  readonly log: Log;
  readonly meters: WriterMeters;
  /** Calls that a dead process left open were closed as lost, and are told of nowhere else. Must not throw. */
  readonly lost?: ((calls: readonly CallRecord[]) => void) | undefined;
  /** How long events wait in memory at most before they are on disk, ms: what a death of the process can cost. */
  readonly flushMs?: number;
  /** Most events held in memory. */
  readonly maxInMemory?: number;
  /** First and longest pause after the store failed, ms. */
  readonly retryMs?: readonly [number, number];
}

const FLUSH_MS = 200;
/** Events that make a batch by themselves. */
const FLUSH_EVENTS = 500;
/** Events in one statement to the store. */
const BATCH = 500;
const MAX_IN_MEMORY = 20_000;
const RETRY_MS = [250, 15_000] as const;
/** While the store is down the spool has the only copy: it is synced to the disk this often, ms. */
const SYNC_MS = 1_000;

/**
 * Carries events to the store, off the audio path. Every event is first appended to a spool file and then stored; a file is removed when the
 * store has all of it. So a store that is slow, down or gone changes nothing but how long the files stay, and what a process that was
 * killed had not stored its successor finds on disk. The store keeps an event that comes twice once.
 */
export class RecordWriter implements RecordSink {
  readonly #options: RecordWriterOptions;
  readonly #flushMs: number;
  readonly #maxInMemory: number;
  readonly #backlog: Backlog;
  readonly #refused: RefusedEvents;
  /** Told since the last flush. */
  #fresh: RecordedEvent[] = [];
  /** Events on their way to the disk. */
  #onTheWay = 0;
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #storing: Promise<void> | undefined;
  #retry: { timer: Timer; now: () => void } | undefined;
  #failures = 0;
  #syncedAt = 0;
  #losing = false;
  #closed = false;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
    this.#flushMs = options.flushMs ?? FLUSH_MS;
    this.#maxInMemory = options.maxInMemory ?? MAX_IN_MEMORY;
    this.#backlog = new Backlog(options.folder, options.abandoned);
    this.#refused = new RefusedEvents(join(options.folder.path, '..', 'refused.jsonl'));
  }

  /** Begins with what dead processes left. */
  start(): void {
    this.#kick();
  }

  onRecord(event: RecordedEvent): void {
    if (event.transient || this.#closed) return;
    // The disk hangs when so much waits for it.
    if (this.#fresh.length >= FLUSH_EVENTS && this.#fresh.length + this.#backlog.inMemory >= this.#maxInMemory) {
      this.#lose(1);
      return;
    }
    this.#fresh.push(event);
    if (this.#fresh.length === FLUSH_EVENTS) this.#schedule(0);
    else if (this.#fresh.length === 1) this.#schedule(this.#flushMs);
  }

  get waiting(): Waiting {
    const { waiting, spooled } = this.#backlog;
    return { waiting: waiting + this.#fresh.length + this.#onTheWay, spooled };
  }

  /** Removes what the spool still has of calls that were removed from the store. Rejects when the disk does not let it. */
  async forget(callIds: readonly string[]): Promise<void> {
    this.#backlog.discard();
    this.#kick();
    await this.#refused.forget(new Set(callIds));
  }

  /** Whether the store took what it was given last. */
  get healthy(): boolean {
    return this.#failures === 0;
  }

  /** Brings all that was told to disk and, as far as it goes within `ms`, into the store; the rest is left to the next start. */
  async close(ms: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#flush();
    const { clock } = this.#options;
    let late = false;
    const limit = new Promise<void>((resolve) => {
      const timer = clock.after(ms, () => {
        late = true;
        resolve();
      });
      void this.#drained().then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.#retry?.now();
    await limit;
    this.#backlog.stop();
    this.#retry?.now();
    if (late) {
      const left = this.#backlog.waiting;
      this.#options.log.warn({ events: left }, 'events of calls are left in the spool; the next start stores them');
    }
    await this.#backlog.release();
  }

  async #drained(): Promise<void> {
    this.#kick();
    while (this.#storing !== undefined) await this.#storing;
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => void this.#flush());
  }

  /** One at a time, in order: what comes while one is running goes with the next. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#flushAll().then(() => {
      this.#flushing = undefined;
      // What was told between the last look and now.
      return this.#fresh.length > 0 ? this.#flush() : undefined;
    });
    return this.#flushing;
  }

  async #flushAll(): Promise<void> {
    while (this.#fresh.length > 0) {
      const batch = this.#fresh;
      this.#fresh = [];
      this.#onTheWay = batch.length;
      await this.#spool(batch);
      this.#onTheWay = 0;
      this.#kick();
    }
  }

  async #spool(batch: readonly RecordedEvent[]): Promise<void> {
    const { clock, log, meters } = this.#options;
    const events: RecordedEvent[] = [];
    let lines = '';
    for (const told of batch) {
      const { event, line } = storable(told);
      events.push(event);
      lines += `${line}\n`;
    }
    const sync = this.#failures > 0 && clock.now() - this.#syncedAt >= SYNC_MS;
    try {
      await this.#backlog.write(events, lines, sync);
      if (sync) this.#syncedAt = clock.now();
      this.#losing = false;
    } catch (err) {
      meters.failed('spool');
      // Without a disk memory has to do, as far as it goes.
      const room = Math.max(0, this.#maxInMemory - this.#backlog.inMemory);
      const kept = events.slice(0, room);
      if (kept.length > 0) this.#backlog.hold(kept);
      if (kept.length < events.length) this.#lose(events.length - kept.length);
      log.error({ err }, 'events of calls cannot be spooled to disk; they are held in memory');
    }
    this.#backlog.shrink(this.#maxInMemory / 2);
  }

  #lose(events: number): void {
    this.#options.meters.failed('lost', events);
    if (!this.#losing)
      this.#options.log.error({}, 'EVENTS OF CALLS ARE LOST: neither the disk nor the store takes them');
    this.#losing = true;
  }

  /** Has the store be given what there is, unless that is going on. */
  #kick(): void {
    this.#storing ??= this.#store().then(() => {
      this.#storing = undefined;
      // What was spooled between the last look and now.
      if (this.#backlog.head() !== undefined) this.#kick();
    });
  }

  /** Stores what there is, in order; ends when there is nothing left or the backlog was stopped. */
  async #store(): Promise<void> {
    for (let segment = this.#backlog.head(); segment !== undefined; segment = this.#backlog.head()) {
      try {
        await this.#next(segment);
        if (this.#failures > 0) this.#options.log.info({}, 'the store of records works again');
        this.#failures = 0;
      } catch (err) {
        await this.#pause(err);
      }
    }
  }

  async #next(segment: Segment): Promise<void> {
    const { store, meters, log, lost } = this.#options;
    const { events, damaged } = await this.#backlog.load(segment);
    if (damaged > 0) {
      meters.failed('damaged', damaged);
      log.warn(
        { lines: damaged },
        'a spool file has lines that are no events, as after a power cut; they are left out',
      );
    }
    const batch = events.slice(segment.stored, segment.stored + BATCH);
    if (batch.length > 0) {
      await this.#append(segment.instance, batch);
      segment.stored += batch.length;
    }
    if (!this.#backlog.isDone(segment)) return;
    if (segment.lastOf !== undefined) {
      const closed = await store.closeInterrupted({ instances: [segment.lastOf.instance] });
      if (closed.length > 0) {
        log.warn({ calls: closed.length }, 'calls that the process before left open were closed as lost');
        lost?.(closed);
      }
    }
    await this.#backlog.finish(segment);
  }

  async #append(instance: string, batch: readonly RecordedEvent[]): Promise<void> {
    const { store, meters } = this.#options;
    try {
      await store.append(instance, batch);
      meters.written(batch.length);
    } catch (error) {
      if (errorCode(error) !== 'STORE_REFUSED') throw error;
      // One event must not keep all others out: the batch is taken apart until it stands alone.
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) {
        await this.#refuse(only, error);
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.#append(instance, batch.slice(0, half));
      await this.#append(instance, batch.slice(half));
    }
  }

  /** Keeps what the store will never take in a file for an operator to look at. */
  async #refuse(event: RecordedEvent, err: unknown): Promise<void> {
    const { meters, log } = this.#options;
    meters.failed('refused');
    log.error(
      { err, callId: event.callId, eventId: event.id, type: event.type },
      'the store refuses an event of a call',
    );
    await this.#refused.add(event).catch(() => {});
  }

  /** Waits longer after each failure; a close cuts the wait short. */
  async #pause(err: unknown): Promise<void> {
    const { clock, log, meters, retryMs: [first, longest] = RETRY_MS } = this.#options;
    meters.failed('store');
    const ms = Math.min(longest, first * 2 ** this.#failures);
    // Said once, and again now and then: a store that is down for an hour is no reason for a thousand lines.
    if (this.#failures === 0 || this.#failures % 20 === 0) {
      const fields = { code: errorCode(err), reason: errorMessage(err), waiting: this.waiting.waiting };
      log.warn(fields, 'the store of records does not take events; they wait on disk');
    }
    this.#failures++;
    await new Promise<void>((resolve) => {
      const now = () => {
        timer.cancel();
        this.#retry = undefined;
        resolve();
      };
      const timer = clock.after(ms, now);
      this.#retry = { timer, now };
    });
  }
}
