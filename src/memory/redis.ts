import { randomUUID } from 'node:crypto';
import type {
  MemoryChannel,
  MemoryLeases,
  MemorySpace,
  MemoryState,
  MemoryWindow,
  NamedOptions,
  ProcessMemory,
  SpaceOptions,
  WindowOptions,
} from './memory.ts';
import { RedisLeases } from './redis-leases.ts';
import { RedisLink, type RedisLinkOptions } from './redis-link.ts';
import {
  DELETE,
  EXPIRE,
  GIVE_BACK,
  PUT,
  PUT_ALL,
  PUT_IF_ABSENT,
  PUT_USE_AGAIN,
  REPLACE,
  REPLACE_ALL,
  TAKE,
  TAKE_USE,
} from './redis-scripts.ts';

export interface RedisMemoryOptions extends RedisLinkOptions {
  /** Before each key and channel: who has another shares nothing. */
  readonly prefix: string;
}

/**
 * The memory that all instances share: one Redis server, 7.0 or newer, or Valkey, with or without replicas; not a Cluster, since what is done in one
 * step may be about several keys. How much it holds is the server's own matter: it must refuse what is new when it is full (`noeviction`), never forget.
 */
export class RedisMemory implements ProcessMemory {
  readonly #link: RedisLink;
  readonly #prefix: string;

  constructor({ prefix, ...options }: RedisMemoryOptions) {
    this.#link = new RedisLink(options);
    this.#prefix = prefix;
  }

  open(): void {
    this.#link.open();
  }

  get state(): MemoryState {
    return this.#link.state;
  }

  /** Why it is away, for the log. */
  get why(): string {
    return this.#link.why;
  }

  onState(changed: (state: MemoryState) => void): () => void {
    return this.#link.onState(changed);
  }

  space<T>({ name }: SpaceOptions): MemorySpace<T> {
    const link = this.#link;
    const key = (of: string) => `${this.#prefix}:entry:${name}:${of}`;
    return {
      putIfAbsent: async (of, value, ttlMs) => {
        const there = await link.run(PUT_IF_ABSENT, [key(of)], [JSON.stringify(value), whole(ttlMs)]);
        return typeof there === 'string' ? { put: false, there: JSON.parse(there) as T } : { put: true };
      },
      put: async (of, value, ttlMs) => {
        await link.run(PUT, [key(of)], [JSON.stringify(value), whole(ttlMs)]);
      },
      putAll: async (entries, ttlMs) => {
        const texts = entries.map(({ value }) => JSON.stringify(value));
        await link.run(
          PUT_ALL,
          entries.map((one) => key(one.key)),
          [whole(ttlMs), ...texts],
        );
      },
      get: async (of) => parsed(await link.get(key(of))),
      take: async (of) => parsed(await link.run(TAKE, [key(of)])),
      replace: async (of, expected, value, ttlMs) => {
        const args = [JSON.stringify(value), whole(ttlMs), JSON.stringify(expected)];
        return (await link.run(REPLACE, [key(of)], args)) === 1;
      },
      replaceAll: async (changes, ttlMs) => {
        const texts = changes.flatMap(({ expected, value }) => [JSON.stringify(expected), JSON.stringify(value)]);
        const replaced = (await link.run(
          REPLACE_ALL,
          changes.map((one) => key(one.key)),
          [whole(ttlMs), ...texts],
        )) as number[];
        return replaced.map((one) => one === 1);
      },
      delete: async (of, expected) =>
        (await link.run(DELETE, [key(of)], expected === undefined ? [] : [JSON.stringify(expected)])) === 1,
      expire: async (of, ttlMs) => (await link.run(EXPIRE, [key(of)], [whole(ttlMs)])) === 1,
    };
  }

  window({ name, ms }: WindowOptions): MemoryWindow {
    const key = `${this.#prefix}:uses:${name}`;
    return {
      take: async (most) => {
        const use = randomUUID();
        const [granted, wait] = (await this.#link.run(TAKE_USE, [key], [whole(ms), most, use])) as [number, number];
        return granted === 1 ? { ok: true, use } : { ok: false, retryAfterMs: wait < 0 ? undefined : wait };
      },
      giveBack: async (use) => {
        await this.#link.run(GIVE_BACK, [key], [use]);
      },
      putAgain: async (use, leftMs) => {
        await this.#link.run(PUT_USE_AGAIN, [key], [whole(leftMs), use]);
      },
    };
  }

  leases<T>({ name }: NamedOptions): MemoryLeases<T> {
    return new RedisLeases<T>(this.#link, `${this.#prefix}:lease:${name}`);
  }

  channel({ name }: NamedOptions): MemoryChannel {
    const channel = `${this.#prefix}:news:${name}`;
    return {
      publish: (text) => this.#link.publish(channel, text),
      subscribe: (heard) => this.#link.subscribe(channel, heard),
    };
  }

  async close(): Promise<void> {
    this.#link.close();
  }
}

/** A time as Redis takes it. */
const whole = (ms: number): number => Math.max(1, Math.ceil(ms));

const parsed = <T>(text: unknown): T | undefined => (typeof text === 'string' ? (JSON.parse(text) as T) : undefined);
