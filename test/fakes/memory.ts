import type { Clock } from '../../src/call/clock.ts';
import { HourLimit } from '../../src/memory/hour-limit.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import type { MemorySpace, ProcessMemory } from '../../src/memory/memory.ts';
import { FakeClock } from './clock.ts';

/** A limit by the hour that nothing else counts for. */
export const hourLimit = (most: number, clock: Pick<Clock, 'now'> = new FakeClock()): HourLimit =>
  new HourLimit(most, new LocalMemory({ clock }), 'orders-hour');

/** A memory each of whose calls goes through `around`. */
export function memoryThrough(
  around: <T>(work: () => Promise<T>) => Promise<T>,
  inner: ProcessMemory = new LocalMemory({ clock: new FakeClock() }),
): ProcessMemory {
  return {
    space<T>(options: Parameters<ProcessMemory['space']>[0]): MemorySpace<T> {
      const space = inner.space<T>(options);
      return {
        putIfAbsent: (key, value, ttlMs) => around(() => space.putIfAbsent(key, value, ttlMs)),
        put: (key, value, ttlMs) => around(() => space.put(key, value, ttlMs)),
        get: (key) => around(() => space.get(key)),
        take: (key) => around(() => space.take(key)),
        replace: (key, expected, value, ttlMs) => around(() => space.replace(key, expected, value, ttlMs)),
        delete: (key, expected) => around(() => space.delete(key, expected)),
        expire: (key, ttlMs) => around(() => space.expire(key, ttlMs)),
      };
    },
    window(options) {
      const window = inner.window(options);
      return {
        take: (most) => around(() => window.take(most)),
        giveBack: (use) => around(() => window.giveBack(use)),
      };
    },
    close: () => inner.close(),
  };
}

/** One that can be switched off and on: while it is off, all it is asked for fails and nothing of it is done. */
export function failingMemory(inner?: ProcessMemory): { readonly memory: ProcessMemory; fails: boolean } {
  const state = { fails: true };
  const memory = memoryThrough(async (work) => {
    if (state.fails) throw new Error('the memory is gone');
    return work();
  }, inner);
  return Object.assign(state, { memory });
}

/** One that never answers. */
export const silentMemory = (): ProcessMemory => memoryThrough(() => new Promise(() => {}));

/** Whose calls are done, and answered, in an order that is drawn: `turn` resolves when it is one's turn. */
export const shuffledMemory = (turn: () => Promise<unknown>, inner?: ProcessMemory): ProcessMemory =>
  memoryThrough(async (work) => {
    await turn();
    const done = await work();
    await turn();
    return done;
  }, inner);
