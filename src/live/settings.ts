import { integer } from '../settings.ts';

/** The settings of the live stream of events: entries of the daemon's one schema. */
export const liveSettings = {
  EVENTS_MAX_WATCHERS: integer(1, 10_000).default(100).describe('Most readers of /events at once.'),
  EVENTS_KEEP: integer(100, 1_000_000)
    .default(20_000)
    .describe(
      'Events kept in memory for readers of /events that come back after a break; older ones come from the records.',
    ),
  EVENTS_BUFFER_KB: integer(16, 65_536)
    .default(1_024)
    .describe('What a reader of /events may leave lying before it is dropped as too slow, kilobytes.'),
};
