import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { RedisMemory } from '../../src/memory/redis.ts';

/** Two instances' view of one Redis, which nobody else sees. */
export async function redisRig(url: string, closing: (close: () => Promise<void>) => void) {
  const prefix = `test-${randomBytes(4).toString('hex')}`;
  const client = () => redisMemory(url, prefix);
  const [here, there] = [client(), client()];
  const direct = new Redis(url);
  closing(async () => {
    direct.disconnect();
    await Promise.all([here.close(), there.close()]);
  });
  await vi.waitFor(() => {
    if (here.state === 'away' || there.state === 'away') throw new Error('Redis is not reached');
  }, 10_000);
  // Time goes on by the ends of all that is held coming closer: nothing but a real second goes by for nothing.
  return {
    here,
    there,
    direct,
    prefix,
    advance: (ms: number) => age(direct, prefix, ms),
    moment: 5_000,
    bounded: false,
  };
}

const quiet = (_fields: object, _message: string) => {};
export const NO_LOG = { warn: quiet, info: quiet };

export function redisMemory(url: string, prefix: string, log = NO_LOG): RedisMemory {
  const memory = new RedisMemory({ url, prefix, clock: systemClock, instance: prefix, log });
  memory.open();
  return memory;
}

/** Makes all that Redis holds under this prefix older by so much. */
async function age(redis: Redis, prefix: string, ms: number): Promise<void> {
  for (const key of await redis.keys(`${prefix}:*`)) {
    if ((await redis.type(key)) === 'zset') {
      for (const member of await redis.zrange(key, '0', '-1')) await redis.zincrby(key, -ms, member);
    }
    const left = await redis.pttl(key);
    if (left >= 0) await redis.pexpire(key, Math.max(0, left - ms));
  }
}
