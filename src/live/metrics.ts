import { Counter, Gauge, type Registry } from 'prom-client';
import type { WatchEnd } from './watcher.ts';

export interface LiveMetrics {
  /** A reader came, or went. */
  watching(via: 'ws' | 'sse', change: 1 | -1): void;
  dropped(why: WatchEnd): void;
}

export function liveMetrics(registry: Registry): LiveMetrics {
  const registers = [registry];
  const watchers = new Gauge({
    name: 'voicebridge_event_watchers',
    help: 'Readers of /events, by connection.',
    labelNames: ['via'],
    registers,
  });
  const dropped = new Counter({
    name: 'voicebridge_event_watchers_dropped_total',
    help: 'Readers of /events that were sent away: slow ones, and all when the daemon ends.',
    labelNames: ['why'],
    registers,
  });
  for (const via of ['ws', 'sse']) watchers.set({ via }, 0);
  for (const why of ['slow', 'closing']) dropped.inc({ why }, 0);
  return {
    watching: (via, change) => watchers.inc({ via }, change),
    dropped: (why) => dropped.inc({ why }),
  };
}
