import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { HourLimit } from '../../src/memory/hour-limit.ts';
import type { ProcessMemory } from '../../src/memory/memory.ts';
import { openMemory } from '../../src/memory/open.ts';
import { redisMemory } from '../contract/redis-rig.ts';
import { NO_REDIS, redisProgram, startRedis, type TestRedis } from '../redis-server.ts';
import { WAIT_MS } from './waiting.ts';

const MINUTE = 60_000;

it('is tried with a real Redis', ({ skip }) => {
  skip(redisProgram === undefined, NO_REDIS);
});

describe.skipIf(redisProgram === undefined)('Redis', () => {
  let redis: TestRedis;
  const closing: Array<() => Promise<unknown> | undefined> = [];
  let prefixes = 0;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });
  afterAll(() => redis?.close());

  const becomes = (state: string, ...memories: readonly ProcessMemory[]) =>
    vi.waitFor(() => expect(memories.map((one) => one.state)).toEqual(memories.map(() => state)), {
      timeout: WAIT_MS,
      interval: 20,
    });

  /** Two instances, as they are without what they do on their own. */
  const bare = async () => {
    prefixes++;
    const logged: string[] = [];
    const log = {
      warn: (_: object, line: string) => logged.push(line),
      info: (_: object, line: string) => logged.push(line),
    };
    const make = () => redisMemory(redis.url, `bare-${prefixes}`, log);
    const [here, there] = [make(), make()];
    closing.push(
      () => here.close(),
      () => there.close(),
    );
    await becomes('here', here, there);
    return { here, there, logged };
  };

  /** An instance as a daemon has it. */
  const whole = async (url = redis.url, prefix = `whole-${++prefixes}`) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-memory-'));
    const log = { warn: () => {}, info: () => {} };
    const memory = await openMemory({ clock: systemClock, log, dataDir, redis: { url, prefix, instance: 'test' } });
    closing.push(async () => {
      await memory.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    return memory;
  };

  it('that hangs is away after one command was waited for, and carries out nothing later of what failed here', async () => {
    const { here, there, logged } = await bare();
    const space = here.space<string>({ name: 'words', most: 9 });
    await space.put('token', 'prepared', MINUTE);
    redis.pause();
    const asked = [
      space.take('token'),
      space.putIfAbsent('late', 'never', MINUTE),
      here.leases<string>({ name: 'calls' }).take('all', 'a', 'never', 9, MINUTE),
      here.window({ name: 'hour', ms: MINUTE }).take(1),
    ].map((one) => one.then(String, (error) => error.code));
    // A timer that is set now is as late as theirs, where the process stands still.
    const failed = await Promise.race([Promise.all(asked), sleep(2_000, 'too late')]);
    expect(failed).toEqual(['INTERNAL', 'INTERNAL', 'INTERNAL', 'INTERNAL']);
    // Others wait for nothing.
    const refused = space.get('token').catch((error: unknown) => error);
    expect(await Promise.race([refused, sleep(100, 'waited')])).toMatchObject({ code: 'INTERNAL', retryable: true });
    redis.resume();
    await becomes('here', here);
    await sleep(200);
    const theirs = there.space<string>({ name: 'words', most: 9 });
    await becomes('here', there);
    expect([await theirs.get('token'), await theirs.get('late')]).toEqual(['prepared', undefined]);
    expect(await there.leases<string>({ name: 'calls' }).members('all')).toEqual([]);
    expect((await there.window({ name: 'hour', ms: MINUTE }).take(1)).ok).toBe(true);
    expect(logged).toContain('Redis is away');
  });

  it('that was ended is found again by itself, with whoever listens to news, and what it does not know any more is brought along', async () => {
    const { here, there } = await bare();
    const heard: string[] = [];
    const states: string[] = [];
    there.onState((state) => states.push(state));
    there.channel({ name: 'news' }).subscribe((text) => heard.push(text));
    await here.space<string>({ name: 'words', most: 9 }).put('a', 'one', MINUTE);
    await redis.kill();
    await becomes('away', here, there);
    await redis.start();
    await becomes('here', here, there);
    expect(states).toEqual(expect.arrayContaining(['away', 'here']));
    await here.space<string>({ name: 'words', most: 9 }).put('a', 'two', MINUTE);
    await vi.waitFor(() => {
      here.channel({ name: 'news' }).publish('again');
      expect(heard).toContain('again');
    }, WAIT_MS);
  });

  it('is done without for as long as it is gone, and then is told of every call and every token, once', async () => {
    const [here, there] = await Promise.all([whole(redis.url, 'told'), whole(redis.url, 'told')]);
    const of = (memory: ProcessMemory) => ({
      tokens: memory.space<string>({ name: 'tokens', most: 99 }),
      calls: memory.leases<string>({ name: 'calls' }),
    });
    const [mine, yours] = [of(here), of(there)];
    await mine.tokens.put('t', 'prepared', MINUTE);
    await mine.calls.take('all', 'a', 'here', 2, MINUTE);
    await yours.calls.take('all', 'b', 'there', 2, MINUTE);
    await redis.kill();
    await becomes('away', here, there);
    // What was prepared here is taken here; each counts its own.
    expect([await mine.tokens.take('t'), await mine.tokens.take('t')]).toEqual(['prepared', undefined]);
    expect([
      await mine.calls.take('all', 'c', 'here', 2, MINUTE),
      await mine.calls.take('all', 'd', 'here', 2, MINUTE),
    ]).toEqual([true, false]);
    await yours.calls.free('all', 'b');
    await redis.start();
    await becomes('here', here, there);
    const members = (await yours.calls.members('all')).map(({ id }) => id).sort();
    expect([members, await yours.tokens.take('t')]).toEqual([['a', 'c'], undefined]);
  });

  it('keeps the hours of orders over a restart of an instance, and counts those of all', async () => {
    const [first, other] = await Promise.all([whole(redis.url, 'hours'), whole(redis.url, 'hours')]);
    expect((await new HourLimit(2, first, 'orders-hour').take()).ok).toBe(true);
    expect((await new HourLimit(2, other, 'orders-hour').take()).ok).toBe(true);
    await first.close();
    const again = await whole(redis.url, 'hours');
    expect(await new HourLimit(2, again, 'orders-hour').take()).toEqual({
      ok: false,
      retryAfterMs: expect.any(Number),
    });
  });

  it('that cannot be reached keeps no daemon from starting, and joins it when it comes', async () => {
    const late = await startRedis();
    await late.kill();
    closing.push(() => late.close());
    const opening = whole(late.url);
    expect(await Promise.race([opening.then(() => 'in time'), sleep(5_000, 'too late')])).toBe('in time');
    const memory = await opening;
    expect(memory.state).toBe('away');
    await memory.space<string>({ name: 'words', most: 9 }).put('a', 'one', MINUTE);
    await late.start();
    await becomes('here', memory);
    expect(await memory.space<string>({ name: 'words', most: 9 }).get('a')).toBe('one');
  });

  it('that has become a replica is away until it takes writes again, and not here and away by turns', async () => {
    const other = await startRedis();
    closing.push(() => other.close());
    const logged: string[] = [];
    const log = { warn: (_: object, line: string) => logged.push(line), info: () => {} };
    const memory = redisMemory(other.url, 'replica', log);
    closing.push(() => memory.close());
    await becomes('here', memory);
    const direct = new Redis(other.url);
    closing.push(async () => direct.disconnect());
    await direct.replicaof('127.0.0.1', 1);
    const space = memory.space<string>({ name: 'words', most: 9 });
    await expect(space.put('a', 'one', MINUTE)).rejects.toThrow();
    await becomes('away', memory);
    for (let n = 0; n < 20; n++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await space.put('a', 'one', MINUTE).catch(() => {});
      expect(memory.state).toBe('away');
    }
    expect(logged.filter((line) => line === 'Redis is away')).toHaveLength(1);
    await direct.replicaof('NO', 'ONE');
    await becomes('here', memory);
    await space.put('a', 'one', MINUTE);
  });

  it('that is full refuses what is new, which is done here alone then, and forgets nothing', async () => {
    const small = await startRedis('--maxmemory', '3mb', '--maxmemory-policy', 'noeviction');
    closing.push(() => small.close());
    const memory = await whole(small.url, 'full');
    const space = memory.space<string>({ name: 'words', most: 99 });
    await space.put('first', 'one', MINUTE);
    const direct = new Redis(small.url);
    closing.push(async () => direct.disconnect());
    await direct.config('SET', 'maxmemory', '1');
    expect(await space.putIfAbsent('more', 'two', MINUTE)).toEqual({ put: true });
    expect([memory.state, await direct.get('full:entry:words:first')]).toEqual(['away', '"one"']);
    await direct.config('SET', 'maxmemory', '0');
    await becomes('here', memory);
    expect(await direct.get('full:entry:words:more')).toBe('"two"');
  });
});
