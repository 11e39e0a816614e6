import { z } from 'zod';
import { boundedPattern } from '../callers/test/bounded-pattern.ts';
import { orBoolean } from '../operator-file.ts';
import { FIGURE_NAMES } from './gates.ts';
import { MOST_LIMIT } from './provider-limits.ts';

/** The file of a suite, as people write it; what a case's caller may be is `callers/test/spec.ts`. Unknown keys are refused. */

const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{C}]+$/u, 'must be one line of text');
const phrase = z.string().trim().min(1).max(1_000);
/** What is compared by its words: of signs alone nothing would ever be found. */
const LETTER = /[\p{L}\p{N}]/u;
const NO_LETTER = 'must have a letter or a digit';
const words = phrase.regex(LETTER, NO_LETTER);
/** One, or several. */
const listOf = <T extends z.ZodType>(one: T, most = 100) =>
  z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(one).min(1).max(most));
const variables = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be letters, digits and _'),
  z.union([z.string().max(10_000), z.number(), z.boolean()]),
);

/** What a figure may be: a number (at most; of figures of which more is better: at least), or bounds. */
const limit = z.union(
  [z.number(), z.strictObject({ min: z.number().optional(), max: z.number().optional() })],
  'must be a number, or {min: …, max: …}',
);
export const gatesSchema = z.partialRecord(z.enum(FIGURE_NAMES), limit);
export type Gates = z.infer<typeof gatesSchema>;

const DATE = /^(?:\d{4}-)?\d{2}-\d{2}$/;
const NUMBER = /^[+(]?\d[\d\s.,()/-]*$/;
/** `{number: …}`, `{name: …}`, `{date: …}`, `{words: …}`; of a text alone it is guessed which. */
const fact = z
  .union(
    [
      phrase.transform(
        (value) => ({ kind: DATE.test(value) ? 'date' : NUMBER.test(value) ? 'number' : 'words', value }) as const,
      ),
      z.number().transform((value) => ({ kind: 'number', value: String(value) }) as const),
      z
        .strictObject({ number: z.coerce.string().regex(/\d/) })
        .transform(({ number }) => ({ kind: 'number', value: number }) as const),
      z.strictObject({ name: phrase }).transform(({ name: value }) => ({ kind: 'name', value }) as const),
      z
        .strictObject({ date: z.string().regex(DATE) })
        .transform(({ date }) => ({ kind: 'date', value: date }) as const),
      z.strictObject({ words: phrase }).transform(({ words: value }) => ({ kind: 'words', value }) as const),
    ],
    'must be a text, or {number: …}, {name: …}, {date: YYYY-MM-DD} or {words: …}',
  )
  // Said of the fact as a whole: within the union it would not be told which of its forms was meant.
  .refine(({ value }) => LETTER.test(value), NO_LETTER);
export type Fact = z.infer<typeof fact>;

/** What must be so of a conversation, decided without a judge. */
const checks = z.strictObject({
  /** The agent says these words, in any of its turns. */
  says: listOf(words).optional(),
  never_says: listOf(words).optional(),
  /** All that the agent says fits this regular expression. */
  matches: listOf(boundedPattern).optional(),
  /** Numbers, names and dates that the agent says, in any spelling. */
  facts: listOf(fact).optional(),
  /** Share of the caller's words that the agent may have understood wrongly, by its own transcript of them. */
  max_word_error_rate: z.number().min(0).max(10).optional(),
  /** Tools that the agent calls, each with these arguments among others. */
  tools: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(100),
        arguments: z.record(z.string(), z.unknown()).optional(),
        /** How often; left out: once at least. */
        times: z.int().min(0).max(100).optional(),
      }),
    )
    .max(50)
    .optional(),
  /** Tools that it does not call. */
  never_calls: listOf(z.string().min(1).max(100)).optional(),
  /** Who hangs up. */
  ended_by: z.enum(['caller', 'agent']).optional(),
});
export type Checks = z.infer<typeof checks>;

const criterion = z.union(
  [
    phrase.transform((text) => ({ criterion: text })),
    z.strictObject({
      id: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/, 'must be letters, digits, - and _')
        .optional(),
      criterion: phrase,
    }),
  ],
  'must be a sentence, or {id: …, criterion: …}',
);
export type WrittenCriterion = z.infer<typeof criterion>;

/** Cases of a suite, and variants of a case. */
const MOST_CASES = 1_000;

const repeat = z.int().min(1).max(1_000);

/** What the target's tools answer during a run, by the tool's name. */
const mockTool = z.strictObject({
  /** The result, as JSON. */
  result: z.unknown(),
  status: z.int().min(200).max(599).default(200),
  delay_ms: z.int().min(0).max(60_000).default(0),
});
export type MockTool = z.infer<typeof mockTool>;

/** A case whose variables are put in. */
export const caseSchema = z.strictObject({
  name,
  target: z.unknown().optional(),
  /** A name of `callers`, or a caller of its own. `steps`, `goal` and `persona` beside it are the caller's. */
  caller: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  steps: z.unknown().optional(),
  persona: z.unknown().optional(),
  goal: z.unknown().optional(),
  variables: variables.optional(),
  /** One variant of the case for each entry, whose variables stand over the others. */
  each: z.array(variables).min(1).max(MOST_CASES).optional(),
  repeat: repeat.optional(),
  checks: checks.optional(),
  /** What a judge is asked of the conversation. */
  success: listOf(criterion, 30).optional(),
  gates: gatesSchema.optional(),
});

/** What of a case is read before its variables are put in. */
const draft = z.looseObject({
  name,
  variables: caseSchema.shape.variables,
  each: caseSchema.shape.each,
});

export const suiteSchema = z.strictObject({
  name: name.optional(),
  description: z.string().max(2_000).optional(),
  /** Whom all cases call that say nothing else: a kind of agent, or an object with `kind`. */
  target: z.unknown().optional(),
  variables: variables.default({}),
  /** Callers by name, for cases. */
  callers: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  repeat: repeat.default(1),
  /** Calls at once. */
  concurrency: z.int().min(1).max(100).default(1),
  /** By kind of agent: calls at a time, and calls that begin in a minute. Those of the settings hold, too. */
  limits: z
    .record(
      z.string(),
      z
        .strictObject({
          concurrency: z.int().min(1).max(MOST_LIMIT).optional(),
          per_minute: z.int().min(1).max(MOST_LIMIT).optional(),
        })
        .refine(({ concurrency, per_minute: perMinute }) => concurrency !== undefined || perMinute !== undefined, {
          message: 'must have concurrency or per_minute',
        }),
    )
    .default({}),
  /** How often a case is called again whose caller itself did not do what it should. */
  retries: z.int().min(0).max(10).default(2),
  /** Of all that is random. */
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(1),
  budget: z
    .strictObject({
      /** Minutes of calls, all together; when they are used no further call begins. */
      minutes: z.number().positive().max(100_000).optional(),
      money: z.number().positive().optional(),
      /** What a minute costs: without it `money` says nothing. */
      price_per_minute: z.number().positive().optional(),
    })
    .refine(({ money, price_per_minute: price }) => (money === undefined) === (price === undefined), {
      message: 'money and price_per_minute belong together',
    })
    .optional(),
  judge: z
    .strictObject({
      model: z.string().min(1).max(200).optional(),
      votes: z.int().min(1).max(15).default(1),
      /** What a criterion counts as of which the judge is not sure. */
      maybe: z.enum(['pass', 'fail']).default('fail'),
    })
    .prefault({}),
  /** Whether what was said is written down from the audio of both sides. */
  transcribe: orBoolean(z.boolean()).default(true),
  tools: z.record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the name of a tool'), mockTool).default({}),
  gates: gatesSchema.default({}),
  cases: z.array(draft).min(1).max(MOST_CASES),
});
export type WrittenSuite = z.infer<typeof suiteSchema>;

const keysOf = (shape: z.ZodType): string[] => {
  if (shape instanceof z.ZodObject)
    return Object.entries<z.ZodType>(shape.shape).flatMap(([key, type]) => [key, ...keysOf(type)]);
  if (shape instanceof z.ZodOptional || shape instanceof z.ZodDefault || shape instanceof z.ZodPrefault)
    return keysOf(shape.unwrap() as z.ZodType);
  if (shape instanceof z.ZodArray) return keysOf(shape.element as z.ZodType);
  return [];
};
/** All keys, for hints at what was meant. */
export const SUITE_KEYS: readonly string[] = [...new Set([...keysOf(suiteSchema), ...keysOf(caseSchema)])];
