import type { MemoryLeases, MemorySpace, MemoryWindow, ProcessMemory } from './memory.ts';

/** How one thing is asked of a memory by way of something else. */
export type Around = <T>(asked: () => Promise<T>) => Promise<T>;

/** The same memory, all that is asked of which goes by way of `around`. News do not: nobody waits for them. */
export function memoryThrough(memory: ProcessMemory, around: Around): ProcessMemory {
  return {
    space<T>(options: Parameters<ProcessMemory['space']>[0]): MemorySpace<T> {
      const space = memory.space<T>(options);
      return {
        putIfAbsent: (key, value, ttlMs) => around(() => space.putIfAbsent(key, value, ttlMs)),
        put: (key, value, ttlMs) => around(() => space.put(key, value, ttlMs)),
        putAll: (entries, ttlMs) => around(() => space.putAll(entries, ttlMs)),
        get: (key) => around(() => space.get(key)),
        take: (key) => around(() => space.take(key)),
        replace: (key, expected, value, ttlMs) => around(() => space.replace(key, expected, value, ttlMs)),
        replaceAll: (changes, ttlMs) => around(() => space.replaceAll(changes, ttlMs)),
        delete: (key, expected) => around(() => space.delete(key, expected)),
        expire: (key, ttlMs) => around(() => space.expire(key, ttlMs)),
      };
    },
    window(options): MemoryWindow {
      const window = memory.window(options);
      return {
        take: (most) => around(() => window.take(most)),
        giveBack: (use) => around(() => window.giveBack(use)),
        putAgain: (use, ms) => around(() => window.putAgain(use, ms)),
      };
    },
    leases<T>(options: Parameters<ProcessMemory['leases']>[0]): MemoryLeases<T> {
      const leases = memory.leases<T>(options);
      return {
        take: (group, id, value, most, ttlMs) => around(() => leases.take(group, id, value, most, ttlMs)),
        takeAll: (wanted, ttlMs) => around(() => leases.takeAll(wanted, ttlMs)),
        renew: (group, id, value, ttlMs) => around(() => leases.renew(group, id, value, ttlMs)),
        renewAll: (held, ttlMs) => around(() => leases.renewAll(held, ttlMs)),
        free: (group, id) => around(() => leases.free(group, id)),
        freeAll: (held) => around(() => leases.freeAll(held)),
        members: (group) => around(() => leases.members(group)),
      };
    },
    channel: (options) => memory.channel(options),
    get state() {
      return memory.state;
    },
    onState: (changed) => memory.onState(changed),
    close: () => memory.close(),
  };
}
