import { type Clock, delay } from '../call/clock.ts';
import { type MemorySpace, type MemoryWindow, memoryUnavailable, type ProcessMemory } from './memory.ts';

export interface DeadlineOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** How long a call of the memory may take, ms: each user's callers wait so long at most. */
  readonly ms: number;
  /** Told of each call that failed or came too late. */
  readonly failed?: ((error: unknown) => void) | undefined;
}

/**
 * A memory that lies elsewhere, with an end to each wait for it: what takes longer rejects, and what rejects is told to `failed`, once for
 * all users. The adapter itself sees to it that nothing it was asked for is done long after that. The map in this process needs no deadline.
 */
export function withDeadline(memory: ProcessMemory, { clock, ms, failed }: DeadlineOptions): ProcessMemory {
  const bounded = async <T>(asked: () => Promise<T>): Promise<T> => {
    const inTime = new AbortController();
    const late = delay(clock, ms, inTime.signal).then(() => {
      throw memoryUnavailable(`no answer within ${ms} ms`);
    });
    try {
      return await Promise.race([asked(), late]);
    } catch (error) {
      failed?.(error);
      throw error;
    } finally {
      late.catch(() => {});
      inTime.abort();
    }
  };
  return {
    space<T>(options: Parameters<ProcessMemory['space']>[0]): MemorySpace<T> {
      const space = memory.space<T>(options);
      return {
        putIfAbsent: (key, value, ttlMs) => bounded(() => space.putIfAbsent(key, value, ttlMs)),
        put: (key, value, ttlMs) => bounded(() => space.put(key, value, ttlMs)),
        get: (key) => bounded(() => space.get(key)),
        take: (key) => bounded(() => space.take(key)),
        replace: (key, expected, value, ttlMs) => bounded(() => space.replace(key, expected, value, ttlMs)),
        delete: (key, expected) => bounded(() => space.delete(key, expected)),
        expire: (key, ttlMs) => bounded(() => space.expire(key, ttlMs)),
      };
    },
    window(options): MemoryWindow {
      const window = memory.window(options);
      return {
        take: (most) => bounded(() => window.take(most)),
        giveBack: (use) => bounded(() => window.giveBack(use)),
      };
    },
    close: () => memory.close(),
  };
}
