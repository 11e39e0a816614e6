import { z } from 'zod';
import { integer, webUrl } from '../settings.ts';
import { MASKS } from './mask.ts';
import { type LimitsByKind, MOST_LIMIT } from './provider-limits.ts';

/** `KIND=AT_A_TIME/PER_MINUTE`, either of them left out, with commas between. */
const limits = z.string().transform((text, context): LimitsByKind => {
  const read: Record<string, { concurrency?: number; per_minute?: number }> = {};
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const found = /^([a-z][a-z0-9-]*)=([1-9]\d*)?(?:\/([1-9]\d*))?$/.exec(part);
    const [, kind = '', atOnce, perMinute] = found ?? [];
    const numbers = [atOnce, perMinute].filter((one) => one !== undefined);
    const areRight = numbers.length > 0 && numbers.every((one) => Number(one) <= MOST_LIMIT);
    if (!areRight || Object.hasOwn(read, kind)) {
      context.addIssue({
        code: 'custom',
        message: `must be like websocket=10/60,phone=2: a kind of agent, each once, calls at a time and calls a minute from 1 to ${MOST_LIMIT}; not "${part}"`,
      });
      return z.NEVER;
    }
    read[kind] = {
      ...(atOnce === undefined ? {} : { concurrency: Number(atOnce) }),
      ...(perMinute === undefined ? {} : { per_minute: Number(perMinute) }),
    };
  }
  return read;
});

/** The settings of suites and their runs: entries of the daemon's one schema. */
export const suiteSettings = {
  SUITES_DIR: z.string().min(1).default('suites').describe('Folder of the suites by which agents are tested (YAML).'),
  TESTS_API_URL: webUrl
    .optional()
    .describe(
      'Where tested conversations are written down and judged: the base of an API that answers POST /audio/transcriptions and POST /chat/completions, its version with it, e.g. https://models.example.com/v1. Without it the embedded simulated service does both, which understands its own voice alone.',
    ),
  TESTS_API_KEY: z.string().min(1).optional().describe('Bearer token of that API.'),
  TESTS_TRANSCRIPTION_MODEL: z
    .string()
    .min(1)
    .max(200)
    .default('gpt-4o-transcribe')
    .describe('Which of its models writes down what both sides said.'),
  TESTS_JUDGE_MODEL: z
    .string()
    .min(1)
    .max(200)
    .default('gpt-4.1-2025-04-14')
    .describe(
      'Which of its models judges, where a suite names none: one with a date, so that verdicts can be compared.',
    ),
  TESTS_MASK: z
    .enum(MASKS)
    .default('off')
    .describe(
      'What is left out of what a run keeps: off (nothing), numbers (digits, mail addresses and the values of variables), words (all that was said, and the tapes). Of a masked run the suite is not kept either: it is gone on with by the file in SUITES_DIR, as long as that is as it was.',
    ),
  TESTS_LIMITS: limits
    .default({})
    .describe(
      "How many calls all runs of tests of this process together may have with agents of a kind at a time, and begin in a minute, so that no provider's quota is broken: KIND=AT_A_TIME/PER_MINUTE, either left out, with commas between, e.g. websocket=10/60,phone=2. Calls wait for a place.",
    ),
  TESTS_RETENTION_DAYS: integer(0, 36_500)
    .default(90)
    .describe(
      'Age at which runs of tests are removed, with their tapes, days since they were last written, and speech of scripted callers that no run had said for so long; 0: never.',
    ),
  TESTS_TOOLS_TOKEN: z
    .string()
    .regex(/^[A-Za-z0-9_-]{16,100}$/, 'must be 16 to 100 letters, digits, - and _')
    .optional()
    .describe(
      "Secret part of the address at which a run answers for its targets' tools, /tests/tools/TOKEN/NAME. Without it no suite is run that has tools.",
    ),
};
