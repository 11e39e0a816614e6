import type { Clock } from '../call/clock.ts';
import { LocalChannel } from './local-channel.ts';
import { LocalLeases } from './local-leases.ts';
import { LocalWindow, type UsesKept } from './local-window.ts';
import type {
  Change,
  Entry,
  MemoryChannel,
  MemoryLeases,
  MemorySpace,
  MemoryWindow,
  NamedOptions,
  ProcessMemory,
  Put,
  SpaceOptions,
  WindowOptions,
} from './memory.ts';

export interface LocalMemoryOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Where the uses of some windows outlive the process, by the window's name. */
  readonly kept?: Readonly<Record<string, UsesKept>>;
}

/**
 * In this process's own memory: bounded maps whose entries expire. Every method has done its work when it returns, and its promise is settled,
 * so that whoever waits for it waits for no more than a microtask.
 */
export class LocalMemory implements ProcessMemory {
  readonly #o: LocalMemoryOptions;
  readonly #spaces = new Map<string, LocalSpace<unknown>>();
  readonly #windows = new Map<string, LocalWindow>();
  readonly #leases = new Map<string, LocalLeases<unknown>>();
  readonly #channels = new Map<string, LocalChannel>();
  readonly state = 'here';

  constructor(options: LocalMemoryOptions) {
    this.#o = options;
  }

  space<T>(options: SpaceOptions): MemorySpace<T> {
    const space = named(this.#spaces, options.name, () => new LocalSpace<unknown>(options, this.#o.clock));
    return space as MemorySpace<unknown> as MemorySpace<T>;
  }

  window({ name, ms }: WindowOptions): MemoryWindow {
    return named(this.#windows, name, () => new LocalWindow(ms, this.#o.clock, this.#o.kept?.[name]));
  }

  leases<T>({ name }: NamedOptions): MemoryLeases<T> {
    const leases = named(this.#leases, name, () => new LocalLeases<unknown>(this.#o.clock));
    return leases as MemoryLeases<unknown> as MemoryLeases<T>;
  }

  channel({ name }: NamedOptions): MemoryChannel {
    return named(this.#channels, name, () => new LocalChannel());
  }

  /** It never changes. */
  onState(): () => void {
    return () => {};
  }

  /** Entries that the space of this name holds, those among them that have expired and were not met since. */
  size(name: string): number {
    return this.#spaces.get(name)?.size ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#o.kept ?? {}).map((kept) => kept.close?.()));
  }
}

function named<T>(all: Map<string, T>, name: string, make: () => T): T {
  const one = all.get(name) ?? make();
  all.set(name, one);
  return one;
}

interface Held {
  /** The value as JSON: nobody who holds the value can change what is remembered. */
  readonly text: string;
  /** Monotonic ms. */
  readonly until: number;
}

/** How many entries each change looks at, to find those that have expired: the map is gone round long before it has doubled. */
const SWEPT = 4;

class LocalSpace<T> implements MemorySpace<T> {
  readonly #most: number;
  readonly #full: 'oldest' | 'new';
  readonly #clock: Pick<Clock, 'now'>;
  /** The entry with the oldest news first. */
  readonly #held = new Map<string, Held>();
  #round: Iterator<[string, Held]> = this.#held[Symbol.iterator]();

  constructor({ most, full = 'oldest' }: SpaceOptions, clock: Pick<Clock, 'now'>) {
    this.#most = most;
    this.#full = full;
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  async putIfAbsent(key: string, value: T, ttlMs: number): Promise<Put<T>> {
    const there = this.#find(key);
    if (there !== undefined) return { put: false, there: parsed(there) };
    this.#forgetExpired();
    if (this.#full === 'new' && this.#held.size >= this.#most) return { put: false, there: undefined };
    this.#hold(key, JSON.stringify(value), ttlMs);
    return { put: true };
  }

  async put(key: string, value: T, ttlMs: number): Promise<void> {
    this.#forgetExpired();
    this.#hold(key, JSON.stringify(value), ttlMs);
  }

  async putAll(entries: ReadonlyArray<Entry<T>>, ttlMs: number): Promise<void> {
    this.#forgetExpired();
    for (const { key, value } of entries) this.#hold(key, JSON.stringify(value), ttlMs);
  }

  async get(key: string): Promise<T | undefined> {
    return parsed(this.#find(key));
  }

  async take(key: string): Promise<T | undefined> {
    const there = this.#find(key);
    this.#held.delete(key);
    return parsed(there);
  }

  async replace(key: string, expected: T, value: T, ttlMs: number): Promise<boolean> {
    return this.#replace({ key, expected, value }, ttlMs);
  }

  async replaceAll(changes: ReadonlyArray<Change<T>>, ttlMs: number): Promise<boolean[]> {
    return changes.map((change) => this.#replace(change, ttlMs));
  }

  async delete(key: string, expected?: T): Promise<boolean> {
    const there = this.#find(key);
    if (there === undefined || (expected !== undefined && there.text !== JSON.stringify(expected))) return false;
    return this.#held.delete(key);
  }

  async expire(key: string, ttlMs: number): Promise<boolean> {
    const there = this.#find(key);
    if (there === undefined) return false;
    // Setting a key that a map has leaves it where it is: this is no news of the entry.
    this.#held.set(key, { text: there.text, until: this.#until(ttlMs) });
    return true;
  }

  #replace({ key, expected, value }: Change<T>, ttlMs: number): boolean {
    if (this.#find(key)?.text !== JSON.stringify(expected)) return false;
    this.#hold(key, JSON.stringify(value), ttlMs);
    return true;
  }

  #until(ttlMs: number): number {
    return this.#clock.now() + Math.max(1, ttlMs);
  }

  #find(key: string): Held | undefined {
    const held = this.#held.get(key);
    if (held === undefined || held.until > this.#clock.now()) return held;
    this.#held.delete(key);
    return undefined;
  }

  #hold(key: string, text: string, ttlMs: number): void {
    // Deleted first, so that the map's order is the order of the last news.
    this.#held.delete(key);
    for (const oldest of this.#held.keys()) {
      if (this.#held.size < this.#most) break;
      this.#held.delete(oldest);
    }
    this.#held.set(key, { text, until: this.#until(ttlMs) });
  }

  /** The oldest ones that have expired, and those among the next few on the way round the map. */
  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const [key, { until }] of this.#held) {
      if (until > now) break;
      this.#held.delete(key);
    }
    for (let looked = 0; looked < SWEPT; looked++) {
      const next = this.#round.next();
      if (next.done) {
        this.#round = this.#held[Symbol.iterator]();
        return;
      }
      const [key, { until }] = next.value;
      if (until <= now) this.#held.delete(key);
    }
  }
}

const parsed = <T>(held: Held | undefined): T | undefined =>
  held === undefined ? undefined : (JSON.parse(held.text) as T);
