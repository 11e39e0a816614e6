import { type Clock, delay } from '../call/clock.ts';
import { memoryUnavailable, type ProcessMemory } from './memory.ts';
import { memoryThrough } from './through.ts';

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
  return memoryThrough(memory, bounded);
}
