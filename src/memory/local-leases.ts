import type { Clock } from '../call/clock.ts';
import type { Lease, Member, MemoryLeases, TakenLeases, WantedLease } from './memory.ts';

interface Held {
  /** The value as JSON. */
  readonly text: string;
  /** Monotonic ms. */
  readonly until: number;
  /** For how long it was taken or renewed, ms. */
  readonly ttlMs: number;
}

/** How many groups each taking looks at, to find those whose members have all ended: their number stays near that of the living. */
const SWEPT = 4;

/** The leases of one name, in this process's own memory. As many as live: whoever takes one has the call that it is for. */
export class LocalLeases<T> implements MemoryLeases<T> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #groups = new Map<string, Map<string, Held>>();
  #round: Iterator<string> = this.#groups.keys();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Groups that are held, those among them that have ended and were not met since. */
  get size(): number {
    return this.#groups.size;
  }

  async take(group: string, id: string, value: T, most: number, ttlMs: number): Promise<boolean> {
    return (await this.takeAll([{ group, id, value, most }], ttlMs)).ok;
  }

  async takeAll(wanted: ReadonlyArray<WantedLease<T>>, ttlMs: number): Promise<TakenLeases> {
    this.#sweep();
    // Those that come before in the same list count, too.
    const more = new Map<string, Set<string>>();
    for (const { group, id, most } of wanted) {
      const living = this.#living(group);
      if (living?.has(id) === true) continue;
      const before = more.get(group) ?? new Set();
      more.set(group, before.add(id));
      if ((living?.size ?? 0) + before.size > most) return { ok: false, full: group };
    }
    this.#hold(wanted, ttlMs);
    return { ok: true };
  }

  async renew(group: string, id: string, value: T, ttlMs: number): Promise<void> {
    this.#hold([{ group, id, value }], ttlMs);
  }

  async renewAll(leases: ReadonlyArray<Lease<T>>, ttlMs: number): Promise<void> {
    this.#hold(leases, ttlMs);
  }

  async free(group: string, id: string): Promise<void> {
    await this.freeAll([{ group, id }]);
  }

  async freeAll(leases: ReadonlyArray<Pick<Lease<T>, 'group' | 'id'>>): Promise<void> {
    for (const { group, id } of leases) {
      const held = this.#groups.get(group);
      held?.delete(id);
      if (held?.size === 0) this.#groups.delete(group);
    }
  }

  async members(group: string): Promise<ReadonlyArray<Member<T>>> {
    return [...(this.#living(group) ?? [])].map(([id, { text }]) => ({ id, value: JSON.parse(text) as T }));
  }

  /** All that live, with for how long each was taken or renewed last, ms. */
  living(): ReadonlyArray<Lease<T> & { readonly ttlMs: number }> {
    return [...this.#groups.keys()].flatMap((group) =>
      [...(this.#living(group) ?? [])].map(([id, { text, ttlMs }]) => ({
        group,
        id,
        value: JSON.parse(text) as T,
        ttlMs,
      })),
    );
  }

  #hold(leases: ReadonlyArray<Lease<T>>, ttlMs: number): void {
    const until = this.#clock.now() + Math.max(1, ttlMs);
    for (const { group, id, value } of leases) {
      const held = this.#groups.get(group) ?? new Map<string, Held>();
      held.set(id, { text: JSON.stringify(value), until, ttlMs });
      this.#groups.set(group, held);
    }
  }

  /** The members that live; the others are forgotten, and so is a group without any. */
  #living(group: string): ReadonlyMap<string, Held> | undefined {
    const held = this.#groups.get(group);
    if (held === undefined) return undefined;
    const now = this.#clock.now();
    for (const [id, { until }] of held) if (until <= now) held.delete(id);
    if (held.size > 0) return held;
    this.#groups.delete(group);
    return undefined;
  }

  #sweep(): void {
    for (let looked = 0; looked < SWEPT; looked++) {
      const next = this.#round.next();
      if (next.done) {
        this.#round = this.#groups.keys();
        return;
      }
      this.#living(next.value);
    }
  }
}
