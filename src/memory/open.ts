import { join } from 'node:path';
import type { Clock } from '../call/clock.ts';
import { HourFile, type HourFileOptions } from './hour-file.ts';
import { HOURS } from './hour-limit.ts';
import { LocalMemory } from './local.ts';
import type { ProcessMemory } from './memory.ts';

export interface OpenMemoryOptions {
  readonly clock: Clock;
  readonly log: HourFileOptions['log'];
  /** Where the hours' uses are kept, so that a restart begins no new hour. */
  readonly dataDir: string;
}

/** The memory of a daemon that is alone: its own, with the uses of hourly limits on disk. Never rejects. */
export async function openMemory({ clock, log, dataDir }: OpenMemoryOptions): Promise<ProcessMemory> {
  const files = HOURS.map(
    async (name) => [name, await HourFile.open({ path: join(dataDir, `${name}.json`), clock, log })] as const,
  );
  return new LocalMemory({ clock, kept: Object.fromEntries(await Promise.all(files)) });
}
