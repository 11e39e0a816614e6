import { integer } from '../settings.ts';

/** The settings of people and of what they did: entries of the daemon's one schema. */
export const peopleSettings = {
  AUDIT_RETENTION_DAYS: integer(0, 36_500)
    .default(365)
    .describe('What operators did is forgotten after so many days; 0: never.'),
};
