import { z } from 'zod';
import { integer } from '../settings.ts';

/** The settings of taking calls, refusing them and stopping: entries of the daemon's one schema. */
export const admissionSettings = {
  MAX_CALLS: integer(1, 100_000).default(500).describe('Most calls at once; the next caller hears a busy message.'),
  FLEET_MAX_CALLS: integer(1, 10_000_000)
    .optional()
    .describe(
      'Most calls at once of all instances that share REDIS_URL; the next caller hears the busy message. Without it each has its own MAX_CALLS alone.',
    ),
  CALLS_PER_NUMBER: integer(1, 1_000_000)
    .optional()
    .describe('Most calls at once that come in to one number, over all instances; without it they are not counted.'),
  CALLS_PER_CALLER: integer(1, 1_000_000)
    .optional()
    .describe(
      'Most calls at once that come in from one number or proven identity, over all instances; who withholds his number is not counted. Without it nobody is.',
    ),
  CALLS_PER_ACCOUNT: integer(1, 1_000_000)
    .optional()
    .describe(
      'Most calls at once of one account or project at a carrier, over all instances, for tenants with an account each; without it they are not counted.',
    ),
  CALLS_PER_SECOND: integer(0, 10_000)
    .default(50)
    .describe(
      'Most new calls a second on average; five times as many may come at once, then callers hear a busy message. 0: no limit.',
    ),
  MAX_LOOP_DELAY_MS: integer(0, 10_000)
    .default(50)
    .describe(
      'New callers hear a busy message when the event loop was later than this for ten seconds (99th percentile of each), ms, until it is below 80 % of it in most of the last ten, so that running calls keep their time. 0: not looked at.',
    ),
  MAX_MEMORY_PERCENT: integer(0, 99)
    .default(80)
    .describe(
      "New callers hear a busy message while more of the process's memory is in use than this, percent of V8's heap limit or of the container's, whichever is fuller, so that running calls are not lost with the process. 0: not looked at.",
    ),
  CRASH_DRAIN_SECONDS: integer(0, 3_600)
    .default(30)
    .describe(
      'After a bug that nobody caught no new call is taken and running calls go on for at most this long, seconds; then the agent says goodbye and the process ends with 1. 0: they end at once.',
    ),
  BUSY_SAY: z
    .string()
    .default('All lines are busy at the moment. Please call again in a few minutes.')
    .describe(
      "What a caller hears who is refused because of these limits; off: the network's busy signal, for which nothing is billed.",
    ),
  DRAIN_TIMEOUT: integer(0, 86_400)
    .default(900)
    .describe(
      'After SIGTERM running calls go on for at most this long, seconds; then the agent says goodbye. The orchestrator must wait some 30 s longer before it kills.',
    ),
};
