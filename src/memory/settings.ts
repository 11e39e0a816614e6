import { z } from 'zod';

/** The settings of what instances share: entries of the daemon's one schema. */
export const memorySettings = {
  REDIS_URL: z
    .string()
    .refine(isRedisUrl, 'must be a redis:// or rediss:// URL, e.g. redis://:password@10.0.3.9:6379/0')
    .optional()
    .describe(
      'Redis 7.0 or newer, or Valkey, where all instances remember together what is one-time, limited or owned: redis:// or rediss:// (TLS), with user and password. Without it each daemon remembers for itself. One server with or without replicas, no Cluster; it must keep what it holds (maxmemory-policy noeviction).',
    ),
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be 1 to 40 letters, digits, dashes or underscores')
    .default('voicebridge')
    .describe('What comes before each key and channel in Redis: fleets with different ones share nothing.'),
  REDIS_AWAY: z
    .enum(['local', 'refuse'])
    .default('local')
    .describe(
      'What becomes of new calls while Redis cannot be reached. local: each instance takes them by itself, with what it knows, and limits count for each alone; refuse: they hear the busy message, and readiness says no. Running calls go on either way.',
    ),
};

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname);
}
