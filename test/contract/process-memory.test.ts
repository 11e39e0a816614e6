import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { withDeadline } from '../../src/memory/deadline.ts';
import { FallbackMemory } from '../../src/memory/fallback.ts';
import { IpcMemory } from '../../src/memory/ipc.ts';
import { holdMemory } from '../../src/memory/ipc-host.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import { FakeClock } from '../fakes/clock.ts';
import { memoryPorts, sharedMemory, shuffledMemory } from '../fakes/memory.ts';
import { NO_REDIS, redisProgram, startRedis, type TestRedis } from '../redis-server.ts';
import { processMemoryContract } from './process-memory.ts';
import { NO_LOG, redisRig } from './redis-rig.ts';

const timed = (clock: FakeClock) => ({ advance: async (ms: number) => clock.advance(ms), moment: 1 });

processMemoryContract('in this process', async () => {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  return { here: memory, there: memory, ...timed(clock), bounded: true };
});

// What stands between users and an adapter, and what stands for one in the tests of users, must change nothing of it.
processMemoryContract('behind a deadline', async () => {
  const clock = new FakeClock();
  const memory = withDeadline(new LocalMemory({ clock }), { clock, ms: 500 });
  return { here: memory, there: memory, ...timed(clock), bounded: true };
});

processMemoryContract('that answers in another order', async () => {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const late = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 3));
  return { here: shuffledMemory(late, memory), there: shuffledMemory(late, memory), ...timed(clock), bounded: true };
});

processMemoryContract('that another process holds', async () => {
  const clock = new FakeClock();
  const holder = new LocalMemory({ clock });
  const client = () => {
    const [port, other] = memoryPorts();
    holdMemory(holder, other);
    return new IpcMemory({ port, clock: systemClock });
  };
  return { here: client(), there: client(), ...timed(clock), bounded: true };
});

processMemoryContract('that falls back on its own', async () => {
  const clock = new FakeClock();
  const { memory: shared } = sharedMemory(clock);
  const client = () => new FallbackMemory({ shared, own: new LocalMemory({ clock }), clock, log: NO_LOG });
  return { here: client(), there: client(), ...timed(clock), bounded: true };
});

processMemoryContract('that has only its own', async () => {
  const clock = new FakeClock();
  const { memory: shared, gone } = sharedMemory(clock);
  gone();
  const memory = new FallbackMemory({ shared, own: new LocalMemory({ clock }), clock, log: NO_LOG });
  return { here: memory, there: memory, ...timed(clock), bounded: true, state: 'away' };
});

describe.skipIf(redisProgram === undefined)('with a real Redis', () => {
  let redis: TestRedis | undefined;
  const closing: Array<() => Promise<void>> = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(() => Promise.all(closing.splice(0).map((close) => close())));
  afterAll(() => redis?.close());

  processMemoryContract('in Redis', () => redisRig(redis?.url ?? '', (close) => closing.push(close)));

  it('keeps nothing there of members that ended, though the group goes on and nobody takes a place in it', async () => {
    const { here, direct, prefix, advance } = await redisRig(redis?.url ?? '', (close) => closing.push(close));
    const instances = here.leases<string>({ name: 'instances' });
    for (const id of ['a', 'b', 'c']) await instances.renew('all', id, `of ${id}`, 30_000);
    await advance(20_000);
    await instances.renew('all', 'a', 'of a', 30_000);
    await advance(20_000);
    await instances.renew('all', 'a', 'of a', 30_000);
    expect(await direct.hkeys(`${prefix}:lease:instances:values:all`)).toEqual(['a']);
    expect(await direct.zcard(`${prefix}:lease:instances:ends:all`)).toBe(1);
  });
});

it('is tried in a real Redis, too', ({ skip }) => {
  skip(redisProgram === undefined, NO_REDIS);
});
