import type { RoomWorker } from '../../../rooms/room.ts';
import type { LivekitMetrics } from '../metrics.ts';
import type { ConnectionStatus, LivekitStats } from './routes.ts';

/** What `/livekit/stats` says of the connections there are. `since`: start of the daemon, wall ms. */
export function statsOf(
  connections: readonly ConnectionStatus[],
  { metrics, workers, since }: { metrics: LivekitMetrics; workers: readonly RoomWorker[]; since: number },
): LivekitStats {
  const rooms = { created: 0, waiting: 0, active: 0, reconnecting: 0 };
  const tenants: Record<string, number> = {};
  for (const { status, tenantId } of connections) {
    if (status !== 'ended') rooms[status]++;
    if (tenantId !== undefined) tenants[tenantId] = (tenants[tenantId] ?? 0) + 1;
  }
  return {
    rooms,
    participants: connections.reduce((sum, { participants }) => sum + participants.length, 0),
    total: {
      created: metrics.total('created'),
      joined: metrics.total('joined'),
      dispatched: metrics.total('dispatched'),
      ended: metrics.total('ended'),
      failed: metrics.total('failed'),
    },
    since: Math.round(since),
    tenants,
    workers: workers.map(({ rss, threads, ...worker }) => ({
      ...worker,
      ...(rss === undefined ? {} : { rss }),
      ...(threads === undefined ? {} : { threads }),
    })),
  };
}

/** The sums of several processes' stats; `since` is the oldest's. */
export function sumOf([first, ...rest]: readonly [LivekitStats, ...LivekitStats[]]): LivekitStats {
  return rest.reduce<LivekitStats>(
    (sum, one) => ({
      rooms: added(sum.rooms, one.rooms),
      participants: sum.participants + one.participants,
      total: added(sum.total, one.total),
      since: Math.min(sum.since, one.since),
      tenants: added<Record<string, number>>(sum.tenants, one.tenants),
      workers: [...sum.workers, ...one.workers],
    }),
    first,
  );
}

/** Number by number. */
function added<T extends Record<string, number>>(a: T, b: T): T {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum as T;
}
