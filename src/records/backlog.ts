import type { RecordedEvent } from './event.ts';
import type { SpoolFolder } from './owner.ts';
import { readSpool, removeSpool, SpoolFile } from './spool.ts';

/** A run of events that lie in one spool file, or in memory alone where there was no disk for them. */
export interface Segment {
  /** Whose calls they are of. */
  readonly instance: string;
  readonly path: string | undefined;
  /** Undefined: on disk alone. */
  events: RecordedEvent[] | undefined;
  /** How many there are; 0 until a file of another process was read. */
  count: number;
  /** How many of them, from the first on, the store has. */
  stored: number;
  /** More may still be added. */
  open: boolean;
  /** The folder whose last segment this is: when it is done, a dead process has nothing left. */
  readonly lastOf: SpoolFolder | undefined;
}

/** Events in one file before the next is begun. */
const PER_FILE = 1_000;
/** A file with fewer events is kept in use though all of them are stored. */
const WORTH_REMOVING = 200;

/** What is not stored yet, in order: what dead processes left, then our own, on disk and as far as it goes in memory too. */
export class Backlog {
  readonly #folder: SpoolFolder;
  readonly #segments: Segment[] = [];
  #file: SpoolFile | undefined;
  #fileNumber = 0;
  #writing = false;
  #stopped = false;
  #discarding = false;

  constructor(folder: SpoolFolder, abandoned: readonly SpoolFolder[]) {
    this.#folder = folder;
    for (const left of abandoned) {
      const { instance } = left;
      const common = { instance, count: 0, stored: 0, open: false };
      for (const path of left.files) this.#segments.push({ ...common, path, events: undefined, lastOf: undefined });
      this.#segments.push({ ...common, path: undefined, events: [], lastOf: left });
    }
  }

  /** Events not stored; those of a dead process's file count from the moment it is read. */
  get waiting(): number {
    return this.#segments.reduce((sum, { count, stored }) => sum + Math.max(0, count - stored), 0);
  }

  get spooled(): number {
    return this.#segments.reduce((sum, s) => sum + (s.path === undefined ? 0 : Math.max(0, s.count - s.stored)), 0);
  }

  get inMemory(): number {
    return this.#segments.reduce((sum, { events }) => sum + (events?.length ?? 0), 0);
  }

  /** Appends events to the current file; `lines` is their text. Rejects when the disk does not take them: then nothing was added. */
  async write(events: readonly RecordedEvent[], lines: string, sync: boolean): Promise<void> {
    this.#writing = true;
    try {
      let segment = this.#segments.at(-1);
      if (segment === undefined || !segment.open || this.#file === undefined) {
        this.#file = await SpoolFile.create(this.#folder.path, this.#fileNumber++);
        segment = this.#segment(this.#file.path, []);
      }
      await this.#file.append(lines);
      if (sync) await this.#file.sync();
      segment.events?.push(...events);
      segment.count += events.length;
      if (segment.count >= PER_FILE) await this.#closeFile(segment);
    } catch (error) {
      // Its last line may be torn: the next one must not follow it.
      const segment = this.#segments.at(-1);
      if (segment?.open) await this.#closeFile(segment);
      throw error;
    } finally {
      this.#writing = false;
    }
  }

  /** Adds events that could not be written to disk. */
  hold(events: readonly RecordedEvent[]): void {
    this.#segment(undefined, [...events]).open = false;
  }

  /** Leaves events on disk alone until at most `most` are in memory; the oldest, which are stored next, and the open file's stay. */
  shrink(most: number): void {
    let inMemory = this.inMemory;
    for (let i = this.#segments.length - 1; i > 0 && inMemory > most; i--) {
      const segment = this.#segments[i]!;
      if (segment.open || segment.path === undefined || segment.events === undefined) continue;
      inMemory -= segment.events.length;
      segment.events = undefined;
    }
  }

  /** The segment to store from next; undefined when all is stored or no more is to be done. */
  head(): Segment | undefined {
    if (this.#stopped) return undefined;
    const [segment] = this.#segments;
    if (segment === undefined) return undefined;
    return segment.open && segment.stored === segment.count && !this.isDone(segment) ? undefined : segment;
  }

  async load(segment: Segment): Promise<{ events: readonly RecordedEvent[]; damaged: number }> {
    if (segment.events !== undefined) return { events: segment.events, damaged: 0 };
    const read = await readSpool(segment.path ?? '');
    segment.events = read.events;
    segment.count = read.events.length;
    return read;
  }

  /** Whether all of it is stored and it can go. A file that is still written goes when it is long enough to be worth it. */
  isDone(segment: Segment): boolean {
    if (segment.stored < segment.count) return false;
    const worth = this.#discarding ? 1 : WORTH_REMOVING;
    return !segment.open || (!this.#writing && segment.count >= worth);
  }

  /** Has the file that is still written removed as soon as all of it is stored, however short it is. */
  discard(): void {
    this.#discarding = true;
  }

  /** Takes the first segment away, with its file. */
  async finish(segment: Segment): Promise<void> {
    if (segment.open) await this.#closeFile(segment);
    if (segment.path !== undefined) await removeSpool(segment.path);
    segment.lastOf?.release(true);
    this.#segments.shift();
    if (this.#segments.length === 0) this.#discarding = false;
  }

  /** No more is stored. */
  stop(): void {
    this.#stopped = true;
  }

  /** Closes what is open and gives the folders back: ours goes when nothing is left in it. */
  async release(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last?.open) await this.#closeFile(last);
    const left = this.waiting > 0 || this.#segments.some(({ lastOf }) => lastOf !== undefined);
    this.#folder.release(!left);
    for (const { lastOf } of this.#segments) lastOf?.release(false);
  }

  #segment(path: string | undefined, events: RecordedEvent[]): Segment {
    const { instance } = this.#folder;
    const segment: Segment = {
      instance,
      path,
      events,
      count: events.length,
      stored: 0,
      open: true,
      lastOf: undefined,
    };
    this.#segments.push(segment);
    return segment;
  }

  async #closeFile(segment: Segment): Promise<void> {
    segment.open = false;
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {});
  }
}
