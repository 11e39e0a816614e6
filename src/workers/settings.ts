import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { addressOf } from '../fleet/http/address.ts';
import { integer } from '../settings.ts';

const WORKERS_MOST = 128;

/** The settings of taking calls with several processes: entries of the daemon's one schema. */
export const workerSettings = {
  WORKERS: z
    .union([z.literal('auto'), integer(1, WORKERS_MOST)], `must be auto, or a whole number from 1 to ${WORKERS_MOST}`)
    .transform((value) => (value === 'auto' ? Math.min(WORKERS_MOST, availableParallelism()) : value))
    .default(1)
    .describe(
      'How many processes take the calls, behind the one port: a number, or auto for one a core. MAX_CALLS, CALLS_PER_SECOND and the RATE_LIMIT_… are of each. 1: the daemon is one process.',
    ),
  WORKER_MAX_RSS_MB: integer(0, 1_000_000)
    .default(0)
    .describe(
      'Resident memory, MB, above which such a process is replaced: another takes the new calls, and it ends after its own. 0: no limit.',
    ),
  WORKER_MAX_HOURS: integer(0, 8_760)
    .default(0)
    .describe('Age, hours, at which such a process is replaced in the same way, one after the other. 0: no limit.'),
};

/**
 * Where the workers are reached by others: from other machines (`REDIS_URL`) where the primary listens, which hands each what is its own. Undefined: each at a port of its own, by processes of this machine alone.
 */
export function addressForOthers({
  INSTANCE_URL: url,
  REDIS_URL: redis,
  HOST: host,
  PORT: port,
}: {
  readonly INSTANCE_URL?: string | undefined;
  readonly REDIS_URL?: string | undefined;
  readonly HOST: string;
  readonly PORT: number;
}): string | undefined {
  // A port that the system chooses is not known before the workers are there.
  return url ?? (redis === undefined || port === 0 ? undefined : addressOf(host, port));
}

type Ports = { readonly min: number; readonly max: number };

/** What one of `of` workers has of a range of UDP ports; the last has what is left over. */
export function portShare({ min, max }: Ports, n: number, of: number): Ports {
  const each = Math.floor((max - min + 1) / of);
  const first = min + n * each;
  return { min: first, max: n === of - 1 ? max : first + each - 1 };
}

/** A call takes two ports. */
const PORTS_LEAST = 2;

/** What contradicts itself, a sentence each that begins with the setting's name. */
export function workerContradictions(config: {
  readonly WORKERS: number;
  readonly RTC_PORT_RANGE?: Ports | undefined;
}): string[] {
  const { WORKERS: workers, RTC_PORT_RANGE: range } = config;
  if (range === undefined || workers === 1 || range.max - range.min + 1 >= workers * PORTS_LEAST) return [];
  return [`RTC_PORT_RANGE: each of the ${workers} WORKERS needs ports of its own. Widen it.`];
}
