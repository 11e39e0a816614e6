import { join } from 'node:path';
import type { Clock } from '../call/clock.ts';
import { FallbackMemory } from './fallback.ts';
import { HourFile, type HourFileOptions } from './hour-file.ts';
import { HOURS } from './hour-limit.ts';
import { LocalMemory } from './local.ts';
import type { ProcessMemory } from './memory.ts';

export interface OpenMemoryOptions {
  readonly clock: Clock;
  readonly log: HourFileOptions['log'] & { info(fields: object, message: string): void };
  /** Where the hours' uses are kept, so that a restart begins no new hour. */
  readonly dataDir: string;
  /** What this process has by itself, in place of one of its own: another process of the machine may hold it. */
  readonly own?: ProcessMemory;
  /** Where it is shared with other instances; undefined: this daemon is alone. */
  readonly redis?: { readonly url: string; readonly prefix: string; readonly instance: string } | undefined;
}

/** How long the start waits for Redis, ms: its first calls shall not find the memory away only because they were quicker. */
const REACH_MS = 3_000;

/**
 * The memory of a daemon that is alone: its own, with the uses of hourly limits on disk. Where it is shared it is Redis, and its own for as long as that is
 * away. Never rejects: a daemon starts without Redis.
 */
export async function openMemory(options: OpenMemoryOptions): Promise<ProcessMemory> {
  const { clock, log, redis, own = await ownMemory(options) } = options;
  if (redis === undefined) return own;
  // Its client is loaded where there is a Redis to speak to.
  const { RedisMemory } = await import('./redis.ts');
  const shared = new RedisMemory({ ...redis, clock, log });
  const memory = new FallbackMemory({ shared, own, clock, log });
  shared.open();
  await new Promise<void>((resolve) => {
    const late = clock.after(REACH_MS, resolve);
    const end = memory.onState((state) => {
      if (state === 'away') return;
      end();
      late.cancel();
      resolve();
    });
  });
  if (memory.state === 'away')
    log.warn(
      { detail: shared.why },
      'Redis cannot be reached at the start: this instance goes on by itself until it can',
    );
  return memory;
}

async function ownMemory({ clock, log, dataDir }: OpenMemoryOptions): Promise<LocalMemory> {
  const files = HOURS.map(
    async (name) => [name, await HourFile.open({ path: join(dataDir, `${name}.json`), clock, log })] as const,
  );
  return new LocalMemory({ clock, kept: Object.fromEntries(await Promise.all(files)) });
}
