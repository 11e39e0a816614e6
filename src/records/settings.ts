import { z } from 'zod';
import { integer } from '../settings.ts';

/** The settings of call records: entries of the daemon's one schema. */
export const recordSettings = {
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/, 'must look like postgres://user:password@host:5432/database')
    .optional()
    .describe(
      'PostgreSQL in which calls are recorded, e.g. postgres://user:password@host:5432/database. Without it they are in the file records.db in DATA_DIR. What cannot be stored at the moment waits in DATA_DIR/spool in any case.',
    ),
  PRICES_FILE: z
    .string()
    .default('prices.json')
    .describe("What the models' tokens cost: a call of a model that is not in it has no cost."),
  RECORDS_RETENTION_DAYS: integer(0, 36_500)
    .default(90)
    .describe(
      'Records of calls, with all that was said in them and with their recordings, are removed after so many days; 0: never.',
    ),
};
