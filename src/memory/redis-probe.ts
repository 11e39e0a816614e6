import { randomUUID } from 'node:crypto';
import { RedisConnection } from './redis-client.ts';
import { DELETE, PUT } from './redis-scripts.ts';

/** What was found where Redis should be. */
export interface RedisFound {
  readonly version: string;
  /** Whether what it has a name for is Valkey, which counts its versions on from Redis 7.2. */
  readonly valkey: boolean;
  /** What it does when it is full; `noeviction` is right. */
  readonly policy: string;
  /** Most that it may hold, bytes; 0: as much as there is. */
  readonly maxBytes: number;
  readonly isReplica: boolean;
  readonly isCluster: boolean;
  /** A script, there and back, ms: the best of some. */
  readonly roundTripMs: number;
}

const CONNECT_MS = 3_000;
const TRIES = 5;

/** Connects once, runs what the daemon would, and leaves nothing behind. Rejects with what Redis, or the way to it, says. */
export async function probeRedis(url: string, prefix: string): Promise<RedisFound> {
  const reached = Promise.withResolvers<void>();
  const late = setTimeout(() => reached.reject(new Error(`no connection within ${CONNECT_MS} ms`)), CONNECT_MS);
  const connection = new RedisConnection(
    { url, commandMs: CONNECT_MS, name: 'voicebridge-doctor' },
    { ready: () => reached.resolve(), failed: (detail) => reached.reject(new Error(detail)) },
  );
  try {
    connection.connect();
    await reached.promise;
    const info = await connection.info('everything');
    const of = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
    const key = `${prefix}:doctor:${randomUUID()}`;
    const notAfter = (await connection.time()) + CONNECT_MS;
    const times: number[] = [];
    for (let n = 0; n < TRIES; n++) {
      const began = performance.now();
      await connection.run(PUT, [key], [Math.floor(notAfter), '1', 1_000]);
      times.push(performance.now() - began);
    }
    await connection.run(DELETE, [key], [Math.floor(notAfter)]);
    const valkey = of('valkey_version');
    return {
      version: valkey === '' ? of('redis_version') : valkey,
      valkey: valkey !== '',
      policy: of('maxmemory_policy'),
      maxBytes: Number(of('maxmemory')) || 0,
      isReplica: of('role') === 'slave',
      isCluster: of('cluster_enabled') === '1',
      roundTripMs: Math.min(...times),
    };
  } finally {
    clearTimeout(late);
    connection.close();
  }
}
