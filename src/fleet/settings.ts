import { csv, publicUrl } from '../settings.ts';

/** The settings of a fleet: entries of the daemon's one schema. */
export const fleetSettings = {
  FLEET_SECRET: csv
    .refine((secrets) => secrets.every((secret) => secret.length >= 32), 'needs at least 32 characters in each secret')
    .default([])
    .describe(
      'Secret by which the instances of a fleet prove themselves to one another, the same on all, at least 32 characters; two, comma-separated, while one is being rotated. Set, this daemon asks the others for what is theirs, at /internal/ of their addresses. Without STREAM_TOKEN_SECRET stream tokens are signed with a key that is made from it.',
    ),
  INSTANCE_URL: publicUrl
    .optional()
    .describe(
      "Where the other instances reach this one, e.g. http://10.0.3.7:8080: an address of its own, not the load balancer's. Without it this machine's own address and PORT.",
    ),
};

/** What of them contradicts itself, a sentence each that begins with the setting's name. */
export function fleetContradictions(config: {
  readonly FLEET_SECRET: readonly string[];
  readonly INSTANCE_URL?: string | undefined;
  readonly PUBLIC_URL?: string | undefined;
  readonly REDIS_URL?: string | undefined;
  readonly REDIS_AWAY: string;
}): string[] {
  const { INSTANCE_URL: url, PUBLIC_URL: publicOne } = config;
  const [isShared, hasSecret] = [config.REDIS_URL !== undefined, config.FLEET_SECRET.length > 0];
  const problems: string[] = [];
  if (isShared && !hasSecret)
    problems.push(
      'REDIS_URL: instances that share a memory ask one another for their calls, and open the streams of one another. Set FLEET_SECRET, too, the same on all; or leave REDIS_URL empty where there is one daemon alone.',
    );
  if (hasSecret && !isShared)
    problems.push(
      'FLEET_SECRET: without a memory that they share no instance knows of another, and a stream that reaches another one than its webhook is refused. Set REDIS_URL, too, the same on all; or leave FLEET_SECRET empty where there is one daemon alone (its WORKERS need none).',
    );
  if (url !== undefined && !hasSecret)
    problems.push(
      'INSTANCE_URL: is of use to the other instances of a fleet alone. Set FLEET_SECRET and REDIS_URL, too, the same on all.',
    );
  if (url !== undefined && publicOne !== undefined && new URL(url).origin === new URL(publicOne).origin)
    problems.push(
      "INSTANCE_URL: is PUBLIC_URL, where the load balancer has any instance answer. Give this machine's own address, or leave it empty.",
    );
  if (config.REDIS_AWAY !== 'local' && !isShared)
    problems.push('REDIS_AWAY: says what becomes of new calls without Redis. Set REDIS_URL, too, or leave it out.');
  return problems;
}
