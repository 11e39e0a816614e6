import { z } from 'zod';
import { csv, integer } from '../settings.ts';
import { isProxyEntry } from './client-address.ts';

const limit = (perSecond: number, what: string) =>
  integer(0, 100_000)
    .default(perSecond)
    .describe(`${what}, a second and client address; ten times as many may come at once, then 429. 0: no limit.`);

/** The settings of the HTTP face: entries of the daemon's one schema. */
export const httpSettings = {
  TRUST_PROXY: csv
    .refine(
      (entries) => entries.every(isProxyEntry),
      'must be addresses, networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, separated by commas',
    )
    .default([])
    .describe(
      'Proxies whose X-Forwarded-For, or Forwarded where that alone comes, is believed: addresses, networks (10.0.0.0/8), or loopback, linklocal, uniquelocal, comma-separated. A tunnel daemon on this machine: loopback. Without it all who come through a proxy share its address, and its rate limits.',
    ),
  METRICS_ACCESS: z
    .enum(['admin', 'public'])
    .default('admin')
    .describe(
      'Who may read /metrics. admin: as every route for operators, with the admin token as bearer; public: anybody.',
    ),
  CONNECTIONS_PER_ADDRESS: integer(1, 100_000)
    .default(100)
    .describe(
      'Most connections of one client address that carry plain HTTP; beyond, its idlest one is closed. WebSockets do not count, and a proxy that TRUST_PROXY names may have 1000.',
    ),
  RATE_LIMIT_WEBHOOKS: limit(
    50,
    'Most webhooks; where a signing secret is set only those without a good signature count',
  ),
  RATE_LIMIT_STREAMS: limit(50, 'Most media sockets opened that bring neither a signature nor a token'),
  RATE_LIMIT_BROWSER_CALLS: limit(1, 'Most calls begun from a browser'),
  RATE_LIMIT_API: limit(
    20,
    'Most requests of any other kind: the interface for operators; ten times as many for the files of the console, of which a page takes a hundred',
  ),
  RATE_LIMIT_HEALTH: limit(10, 'Most requests for health, readiness and metrics, each'),
};

/** So many files of the console for each request of its interface: they are in memory, and one page is many of them. */
const FILES = 10;

/** The limits by name, as the server takes them. */
export function rateLimits(
  config: Readonly<Record<Extract<keyof typeof httpSettings, `RATE_LIMIT_${string}`>, number>>,
) {
  return {
    webhook: config.RATE_LIMIT_WEBHOOKS,
    stream: config.RATE_LIMIT_STREAMS,
    'browser-call': config.RATE_LIMIT_BROWSER_CALLS,
    api: config.RATE_LIMIT_API,
    files: config.RATE_LIMIT_API * FILES,
    health: config.RATE_LIMIT_HEALTH,
    metrics: config.RATE_LIMIT_HEALTH,
  };
}
