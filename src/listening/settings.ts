import { z } from 'zod';
import { integer } from '../settings.ts';

const notice = z.string().trim().min(1).max(500).optional();

/** The settings of listening in and taking over: entries of the daemon's one schema. */
export const listeningSettings = {
  LISTEN_NOTICE: notice.describe(
    'What the agent tells the caller before an operator listens in for the first time in a call, e.g. "A colleague is listening, too."; nobody hears the call before the caller has heard it to its end, and nobody at all where he speaks over it three times or it takes 30 s. Without it callers are not told. What the law asks for is yours to know.',
  ),
  TAKEOVER_NOTICE: notice.describe(
    'What the agent tells the caller before an operator speaks in its place, e.g. "I am putting you through to a colleague."; where the caller speaks over it three times, it takes 30 s, or the agent cannot speak any more, the operator comes without it, is told so, and it is in the record and in the audit log. Without it callers are not told.',
  ),
  OPERATORS_LISTENING: integer(0, 1_000)
    .default(20)
    .describe('Most operators that listen in at once, of each process; 0: nobody may.'),
};
