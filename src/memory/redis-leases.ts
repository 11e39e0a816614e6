import type { Lease, Member, MemoryLeases, TakenLeases, WantedLease } from './memory.ts';
import type { RedisLink } from './redis-link.ts';
import { FREE_LEASES, MEMBERS, RENEW_LEASES, TAKE_LEASES } from './redis-scripts.ts';

/** So many leases are renewed or freed by one command: Redis does nothing else meanwhile, for some milliseconds. */
const AT_ONCE = 250;

/** The leases of one name in Redis. */
export class RedisLeases<T> implements MemoryLeases<T> {
  readonly #link: Pick<RedisLink, 'run'>;
  readonly #prefix: string;
  /** For each renewal that goes on, what was freed since it began. */
  readonly #renewing = new Set<Set<string>>();

  constructor(link: Pick<RedisLink, 'run'>, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
  }

  async take(group: string, id: string, value: T, most: number, ttlMs: number): Promise<boolean> {
    return (await this.takeAll([{ group, id, value, most }], ttlMs)).ok;
  }

  async takeAll(wanted: ReadonlyArray<WantedLease<T>>, ttlMs: number): Promise<TakenLeases> {
    if (wanted.length === 0) return { ok: true };
    const args = wanted.flatMap(({ id, value, most }) => [id, JSON.stringify(value), most]);
    const full = await this.#link.run(TAKE_LEASES, this.#keys(wanted), [whole(ttlMs), ...args]);
    return full === 0 ? { ok: true } : { ok: false, full: wanted[Number(full) - 1]?.group ?? '' };
  }

  async renew(group: string, id: string, value: T, ttlMs: number): Promise<void> {
    await this.renewAll([{ group, id, value }], ttlMs);
  }

  async renewAll(leases: ReadonlyArray<Lease<T>>, ttlMs: number): Promise<void> {
    // One after the other: each has its own time, and what other instances ask comes in between.
    const freed = new Set<string>();
    this.#renewing.add(freed);
    try {
      for (const part of parts(leases)) {
        const held = part.filter((lease) => !freed.has(nameOf(lease)));
        if (held.length === 0) continue;
        const args = held.flatMap(({ id, value }) => [id, JSON.stringify(value)]);
        await this.#link.run(RENEW_LEASES, this.#keys(held), [whole(ttlMs), ...args]);
      }
    } finally {
      this.#renewing.delete(freed);
    }
  }

  async free(group: string, id: string): Promise<void> {
    await this.freeAll([{ group, id }]);
  }

  async freeAll(leases: ReadonlyArray<Pick<Lease<T>, 'group' | 'id'>>): Promise<void> {
    for (const freed of this.#renewing) for (const lease of leases) freed.add(nameOf(lease));
    for (const part of parts(leases)) {
      const ids = part.map(({ id }) => id);
      await this.#link.run(FREE_LEASES, this.#keys(part), ids);
    }
  }

  async members(group: string): Promise<ReadonlyArray<Member<T>>> {
    const found = (await this.#link.run(MEMBERS, this.#keys([{ group }]))) as readonly string[];
    return found.flatMap((id, n) => (n % 2 === 0 ? [{ id, value: JSON.parse(found[n + 1] ?? 'null') as T }] : []));
  }

  #keys(leases: ReadonlyArray<{ readonly group: string }>): readonly string[] {
    return leases.flatMap(({ group }) => [`${this.#prefix}:ends:${group}`, `${this.#prefix}:values:${group}`]);
  }
}

const nameOf = ({ group, id }: { readonly group: string; readonly id: string }): string => JSON.stringify([group, id]);

function parts<L>(leases: readonly L[]): ReadonlyArray<readonly L[]> {
  const count = Math.ceil(leases.length / AT_ONCE);
  return Array.from({ length: count }, (_, n) => leases.slice(n * AT_ONCE, (n + 1) * AT_ONCE));
}

const whole = (ms: number): number => Math.max(1, Math.ceil(ms));
