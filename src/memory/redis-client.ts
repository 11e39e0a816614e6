import { Redis } from 'ioredis';
import { errorMessage } from '../errors.ts';
import { SCRIPTS, type Script } from './redis-scripts.ts';

/**
 * The connections to Redis, behind a few methods: what of the client library is used is used here. A command is answered within its time or has failed;
 * while there is no connection it fails at once, waits in no queue, and is never sent again. https://github.com/redis/ioredis
 */

/** What one connection tells. None of it may throw. */
export interface RedisTold {
  /** Commands can be sent from now on; after each reconnecting, too. */
  ready(): void;
  /** The connection is gone, or could not be made. It is tried again by itself. */
  closed(): void;
  /** Why; told before `closed`, without credentials. */
  failed(detail: string): void;
  news(channel: string, text: string): void;
}

export interface RedisOptions {
  /** redis:// or rediss://, with credentials and number of the database. https://www.iana.org/assignments/uri-schemes/prov/redis */
  readonly url: string;
  /** How long a command may take, ms; the first words of a connection too. */
  readonly commandMs: number;
  /** As the server lists its clients; letters, digits and dashes. */
  readonly name: string;
}

/** How long making a connection may take, ms, and the longest wait before another trial. */
const CONNECT_MS = 2_000;
const RETRY_MOST_MS = 2_000;

/** One connection. */
export class RedisConnection {
  readonly #redis: Redis;

  constructor({ url, commandMs, name }: RedisOptions, told: Partial<RedisTold>) {
    const redis = new Redis(url, {
      connectionName: name,
      connectTimeout: CONNECT_MS,
      commandTimeout: commandMs,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // What was sent on a connection that is gone has failed, at the first trial to make another.
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times - 1, 10), RETRY_MOST_MS) * (0.75 + Math.random() / 2),
      // Listeners are known here, and said anew by whoever keeps them, so that it is known when they listen again.
      autoResubscribe: false,
      // Where a replica was made of the server, it is another that takes writes now.
      reconnectOnError: (error) => /^READONLY/.test(error.message),
      lazyConnect: true,
    });
    redis.on('ready', () => told.ready?.());
    redis.on('close', () => told.closed?.());
    redis.on('error', (error) => told.failed?.(errorMessage(error)));
    redis.on('message', (channel: string, text: string) => told.news?.(channel, text));
    for (const { name: command, lua } of SCRIPTS) redis.defineCommand(command, { lua });
    this.#redis = redis;
  }

  /** Whether a command would be sent. */
  get isReady(): boolean {
    return this.#redis.status === 'ready';
  }

  /** Begins to connect. What comes of it is told. */
  connect(): void {
    this.#redis.connect().catch(() => {});
  }

  /** Runs a script by its digest, and brings it along where the server does not know it. Rejects with what it, or the client, says. */
  run({ name }: Script, keys: readonly string[], args: ReadonlyArray<string | number>): Promise<unknown> {
    const commands = this.#redis as unknown as Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
    return commands[name]?.call(this.#redis, keys.length, ...keys, ...args) as Promise<unknown>;
  }

  get(key: string): Promise<string | null> {
    return this.#redis.get(key);
  }

  /** The server's clock, ms since the epoch. */
  async time(): Promise<number> {
    const [seconds, micros] = await this.#redis.time();
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  }

  async ping(): Promise<void> {
    await this.#redis.ping();
  }

  publish(channel: string, text: string): Promise<unknown> {
    return this.#redis.publish(channel, text);
  }

  subscribe(channels: readonly string[]): Promise<unknown> {
    return this.#redis.subscribe(...channels);
  }

  unsubscribe(channel: string): Promise<unknown> {
    return this.#redis.unsubscribe(channel);
  }

  info(section: string): Promise<string> {
    return this.#redis.info(section);
  }

  /** Gives this connection up and makes another: it is open, and nothing comes of it. */
  renew(): void {
    this.#redis.disconnect(true);
  }

  /** Ends it for good. What was asked before and is not answered fails. */
  close(): void {
    this.#redis.disconnect(false);
  }
}
