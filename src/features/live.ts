import { serveEvents } from '../live/http/events-route.ts';
import { EventHub } from '../live/hub.ts';
import { LevelMeters } from '../live/levels.ts';
import { liveMetrics } from '../live/metrics.ts';
import type { Base, Feature } from './feature.ts';

/** Characters of events that are kept for readers that come back, whatever their number. */
const KEEP_CHARACTERS = 32 * 1024 * 1024;

/** The live stream of all calls' events. */
export function openLive({ config, clock, log, metrics: { registry } }: Base): Feature {
  const metrics = liveMetrics(registry);
  const levels = new LevelMeters();
  const hub = new EventHub({
    levels,
    clock,
    keep: { events: config.EVENTS_KEEP, characters: KEEP_CHARACTERS },
    watchers: config.EVENTS_MAX_WATCHERS,
    bufferBytes: config.EVENTS_BUFFER_KB * 1024,
    dropped: metrics.dropped,
    failed: (err) => log.warn({ err }, 'events could not be replayed to a reader'),
  });
  return {
    sinks: [hub],
    tap: (info) => levels.tap(info),
    notice: ({ type, data }) => hub.notice(type, data),
    forget: async (callIds) => hub.forget(callIds),
    install({ http, admin, replay }) {
      hub.replay = replay;
      const { watching } = metrics;
      serveEvents({ http, hub, admin, publicUrl: config.PUBLIC_URL, clock, log, watching });
    },
  };
}
