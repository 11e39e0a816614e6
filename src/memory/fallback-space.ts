import type { Clock } from '../call/clock.ts';
import type { Either, Kept } from './fallback-part.ts';
import type { Change, Entry, MemorySpace, Put } from './memory.ts';

export interface Spaces<T> {
  readonly shared: MemorySpace<T>;
  readonly own: MemorySpace<T>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Until when what a key holds counts, monotonic ms; 0: it holds nothing any more. */
interface Owed {
  readonly until: number;
}

/** So many entries are told at once. */
const AT_ONCE = 100;

/** Entries in both: what this process put is in its own memory too, for as long as it does not see that somebody else changed it. */
export class FallbackSpace<T> implements MemorySpace<T>, Kept {
  readonly #either: Either;
  readonly #s: Spaces<T>;
  readonly #most: number;
  /** The keys that were changed here alone: one object for each change. */
  readonly #owed = new Map<string, Owed>();

  constructor(either: Either, spaces: Spaces<T>, most: number) {
    this.#either = either;
    this.#s = spaces;
    this.#most = most;
  }

  get owes(): boolean {
    return this.#owed.size > 0;
  }

  away(): void {}

  async pay(): Promise<void> {
    // Many at once: one by one those that come to be owed meanwhile could be more than are told.
    const all = [...this.#owed];
    for (let at = 0; at < all.length; at += AT_ONCE)
      await Promise.all(all.slice(at, at + AT_ONCE).map(([key, owed]) => this.#payOne(key, owed)));
  }

  async #payOne(key: string, owed: Owed): Promise<void> {
    const { shared, own, clock } = this.#s;
    const value = await own.get(key);
    const left = owed.until - clock.now();
    if (value === undefined || left <= 0) await shared.delete(key);
    else await shared.put(key, value, left);
    // Changed again meanwhile: that is owed.
    if (this.#owed.get(key) === owed) this.#owed.delete(key);
  }

  putIfAbsent(key: string, value: T, ttlMs: number): Promise<Put<T>> {
    const { shared, own } = this.#s;
    return this.#either(
      () => shared.putIfAbsent(key, value, ttlMs),
      async () => {
        const put = await own.putIfAbsent(key, value, ttlMs);
        if (put.put) this.#owe(key, ttlMs);
        return put;
      },
      ({ put }) => (put ? own.put(key, value, ttlMs) : own.delete(key)),
    );
  }

  put(key: string, value: T, ttlMs: number): Promise<void> {
    const { shared, own } = this.#s;
    const alone = async () => {
      await own.put(key, value, ttlMs);
      this.#owe(key, ttlMs);
    };
    return this.#either(
      () => shared.put(key, value, ttlMs),
      alone,
      () => own.put(key, value, ttlMs),
    );
  }

  putAll(entries: ReadonlyArray<Entry<T>>, ttlMs: number): Promise<void> {
    const { shared, own } = this.#s;
    return this.#either(
      () => shared.putAll(entries, ttlMs),
      async () => {
        await own.putAll(entries, ttlMs);
        for (const { key } of entries) this.#owe(key, ttlMs);
      },
      () => own.putAll(entries, ttlMs),
    );
  }

  get(key: string): Promise<T | undefined> {
    const { shared, own } = this.#s;
    const mirrored = (there: T | undefined) => (there === undefined ? own.delete(key) : undefined);
    return this.#either(
      () => shared.get(key),
      () => own.get(key),
      mirrored,
    );
  }

  take(key: string): Promise<T | undefined> {
    const { shared, own } = this.#s;
    const alone = async () => {
      const taken = await own.take(key);
      if (taken !== undefined) this.#owe(key);
      return taken;
    };
    return this.#either(
      () => shared.take(key),
      alone,
      () => own.delete(key),
    );
  }

  replace(key: string, expected: T, value: T, ttlMs: number): Promise<boolean> {
    const { shared, own } = this.#s;
    return this.#either(
      () => shared.replace(key, expected, value, ttlMs),
      async () => {
        const replaced = await own.replace(key, expected, value, ttlMs);
        if (replaced) this.#owe(key, ttlMs);
        return replaced;
      },
      (replaced) => (replaced ? own.put(key, value, ttlMs) : own.delete(key)),
    );
  }

  replaceAll(changes: ReadonlyArray<Change<T>>, ttlMs: number): Promise<boolean[]> {
    const { shared, own } = this.#s;
    return this.#either(
      () => shared.replaceAll(changes, ttlMs),
      async () => {
        const replaced = await own.replaceAll(changes, ttlMs);
        for (const [at, { key }] of changes.entries()) if (replaced[at]) this.#owe(key, ttlMs);
        return replaced;
      },
      async (replaced) => {
        await own.putAll(
          changes.filter((_, at) => replaced[at]),
          ttlMs,
        );
        for (const [at, { key }] of changes.entries()) if (!replaced[at]) await own.delete(key);
      },
    );
  }

  delete(key: string, expected?: T): Promise<boolean> {
    const { shared, own } = this.#s;
    const alone = async () => {
      const deleted = await own.delete(key, expected);
      if (deleted) this.#owe(key);
      return deleted;
    };
    return this.#either(
      () => shared.delete(key, expected),
      alone,
      () => own.delete(key),
    );
  }

  expire(key: string, ttlMs: number): Promise<boolean> {
    const { shared, own } = this.#s;
    return this.#either(
      () => shared.expire(key, ttlMs),
      async () => {
        const there = await own.expire(key, ttlMs);
        if (there) this.#owe(key, ttlMs);
        return there;
      },
      (there) => (there ? own.expire(key, ttlMs) : own.delete(key)),
    );
  }

  #owe(key: string, ttlMs?: number): void {
    // The news of a key are its last.
    this.#owed.delete(key);
    for (const oldest of this.#owed.keys()) {
      if (this.#owed.size < this.#most) break;
      this.#owed.delete(oldest);
    }
    this.#owed.set(key, { until: ttlMs === undefined ? 0 : this.#s.clock.now() + ttlMs });
  }
}
