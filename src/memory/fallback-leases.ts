import type { Clock } from '../call/clock.ts';
import type { Either, Kept } from './fallback-part.ts';
import { LocalLeases } from './local-leases.ts';
import type { Lease, Member, MemoryLeases, TakenLeases, WantedLease } from './memory.ts';

/**
 * Leases in both: this process knows its own. While the shared memory is away those alone count here; when it is back all that live are put there again,
 * whatever became of them, and those are freed that are over.
 */
export class FallbackLeases<T> implements MemoryLeases<T>, Kept {
  readonly #either: Either;
  readonly #shared: MemoryLeases<T>;
  readonly #own: LocalLeases<T>;
  /** Those that live must be put there again. */
  #owed = false;
  readonly #clock: Pick<Clock, 'now'>;
  /** Those that were freed here alone, by what names them, the oldest first, with until when they can live there. */
  readonly #freed = new Map<string, Pick<Lease<T>, 'group' | 'id'> & { readonly until: number }>();
  /** The longest time that was given to any, ms. */
  #longestMs = 0;

  constructor(either: Either, shared: MemoryLeases<T>, clock: Pick<Clock, 'now'>) {
    this.#either = either;
    this.#shared = shared;
    this.#clock = clock;
    this.#own = new LocalLeases(clock);
  }

  get owes(): boolean {
    return this.#owed || this.#freed.size > 0;
  }

  away(): void {
    this.#owed = true;
  }

  async pay(): Promise<void> {
    this.#forget();
    const freed = [...this.#freed];
    if (freed.length > 0) await this.#shared.freeAll(freed.map(([, lease]) => lease));
    for (const [key] of freed) this.#freed.delete(key);
    this.#owed = false;
    const times = Map.groupBy(this.#own.living(), ({ ttlMs }) => ttlMs);
    try {
      for (const [ttlMs, leases] of times) await this.#shared.renewAll(leases, ttlMs);
    } catch (error) {
      this.#owed = true;
      throw error;
    }
  }

  async take(group: string, id: string, value: T, most: number, ttlMs: number): Promise<boolean> {
    return (await this.takeAll([{ group, id, value, most }], ttlMs)).ok;
  }

  takeAll(wanted: ReadonlyArray<WantedLease<T>>, ttlMs: number): Promise<TakenLeases> {
    this.#longestMs = Math.max(this.#longestMs, ttlMs);
    return this.#either(
      () => this.#shared.takeAll(wanted, ttlMs),
      async () => {
        const taken = await this.#own.takeAll(wanted, ttlMs);
        if (taken.ok) this.#held(wanted);
        return taken;
      },
      ({ ok }) => (ok ? this.#own.renewAll(wanted, ttlMs) : undefined),
    );
  }

  async renew(group: string, id: string, value: T, ttlMs: number): Promise<void> {
    await this.renewAll([{ group, id, value }], ttlMs);
  }

  renewAll(leases: ReadonlyArray<Lease<T>>, ttlMs: number): Promise<void> {
    this.#longestMs = Math.max(this.#longestMs, ttlMs);
    const alone = async () => {
      await this.#own.renewAll(leases, ttlMs);
      this.#held(leases);
    };
    return this.#either(
      () => this.#shared.renewAll(leases, ttlMs),
      alone,
      () => this.#own.renewAll(leases, ttlMs),
    );
  }

  async free(group: string, id: string): Promise<void> {
    await this.freeAll([{ group, id }]);
  }

  freeAll(leases: ReadonlyArray<Pick<Lease<T>, 'group' | 'id'>>): Promise<void> {
    const alone = async () => {
      await this.#own.freeAll(leases);
      this.#forget();
      const until = this.#clock.now() + this.#longestMs;
      for (const { group, id } of leases) {
        const key = keyOf({ group, id });
        this.#freed.delete(key);
        this.#freed.set(key, { group, id, until });
      }
    };
    return this.#either(
      () => this.#shared.freeAll(leases),
      alone,
      () => this.#own.freeAll(leases),
    );
  }

  members(group: string): Promise<ReadonlyArray<Member<T>>> {
    return this.#either(
      () => this.#shared.members(group),
      () => this.#own.members(group),
      () => {},
    );
  }

  /** What was freed so long ago has ended there by itself. */
  #forget(): void {
    const now = this.#clock.now();
    for (const [key, { until }] of this.#freed) {
      if (until > now) return;
      this.#freed.delete(key);
    }
  }

  #held(leases: ReadonlyArray<Pick<Lease<T>, 'group' | 'id'>>): void {
    this.#owed = true;
    for (const lease of leases) this.#freed.delete(keyOf(lease));
  }
}

const keyOf = ({ group, id }: { readonly group: string; readonly id: string }): string => JSON.stringify([group, id]);
