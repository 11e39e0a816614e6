import { z } from 'zod';
import { hint } from '../../suggest.ts';
import { boundedPattern } from './bounded-pattern.ts';

/**
 * The steps of a scripted caller as a suite's file writes them. Each is an object that begins with its verb (`say: Hello.`), and what else it may have
 * depends on that; a verb that needs nothing may stand alone (`hang_up`). Read, each has its verb as `do`.
 */

/** Longest text that is said at once, characters: what speech is made of in one request. */
export const MAX_WORDS = 4_000;
/** How long a wait may take where the step does not say, ms. */
export const WITHIN_MS = 15_000;
/** The pause after which an agent's turn is taken to be over where the step does not say, ms: longer than those between its sentences. */
export const TURN_PAUSE_MS = 700;

const text = z.string().trim().min(1, 'must not be empty').max(MAX_WORDS, `must have ${MAX_WORDS} characters at most`);
/** Words that are listened for: signs alone nobody says. */
const words = text.regex(/[\p{L}\p{N}]/u, 'must have a letter or a digit');
const ms = (least: number, most: number) =>
  z.number(`must be milliseconds from ${least} to ${most}`).int().min(least).max(most);
const within = ms(0, 600_000);

/** `say`: words (`Hello.`), a file (`wav:greeting.wav`) or a tone (`tone:1020/800/-12`: Hz, ms, dBFS). */
const say = z.strictObject({
  say: text,
  /** false: the next step begins while this is said. */
  wait: z.boolean().default(true),
});

/** Speaks over the agent: once it has spoken so long, or has said these words. */
const interrupt = z
  .strictObject({
    interrupt: text,
    after_ms: ms(0, 60_000).optional(),
    after_words: words.optional(),
    within_ms: within.default(WITHIN_MS),
    wait: z.boolean().default(true),
  })
  .refine((step) => step.after_ms === undefined || step.after_words === undefined, {
    message: 'has after_ms or after_words, not both',
  });

/** A short sound of attention ("mhm") while the agent speaks, which should not stop it. */
const backchannel = z.strictObject({
  backchannel: text,
  after_ms: ms(0, 60_000).default(800),
  within_ms: within.default(WITHIN_MS),
});

/** A cough, an "um": as a backchannel, and as little to be answered. */
const tic = z.strictObject({
  tic: text,
  after_ms: ms(0, 60_000).default(800),
  within_ms: within.default(WITHIN_MS),
});

/** Words to somebody else in the room, quieter; the agent should not answer them. */
const sideTalk = z.strictObject({ side_talk: text, gain_db: z.number().min(-60).max(0).default(-12) });

/** Waits until the agent speaks, or is silent, or has said words, or has taken its turn: has spoken since our last words and is silent again. */
const waitFor = z
  .strictObject({
    wait_for: z.preprocess(
      (value) => (typeof value === 'string' ? { state: value } : value),
      z
        .strictObject(
          {
            state: z.enum(['speech', 'silence', 'turn'], 'must be speech, silence or turn').optional(),
            words: words.optional(),
            matches: boundedPattern.optional(),
          },
          'must be speech, silence, turn, {words: …} or {matches: …}',
        )
        .refine((until) => Object.values(until).filter((value) => value !== undefined).length === 1, {
          message: 'must be speech, silence, turn, {words: …} or {matches: …}, one of them',
        }),
    ),
    for_ms: ms(20, 60_000).optional(),
    within_ms: within.default(WITHIN_MS),
  })
  .transform((step) => ({ ...step, for_ms: step.for_ms ?? TURN_PAUSE_MS }));

/** Says nothing for so many seconds. */
const silence = z.strictObject({ silence: z.number().min(0.02).max(600) });

/** Presses keys: told as the line tells them, or heard as tones. */
const keys = z.strictObject({
  keys: z.coerce.string().regex(/^[0-9A-D*#w]{1,64}$/, 'must be keys: 0-9, *, #, A-D; w for a pause'),
  as: z.enum(['events', 'tones']).default('events'),
});

/** The noise behind the caller, from now on or no more. `snr_db` is against the caller's own speech. */
const noise = z.strictObject({
  noise: z.union(
    [
      z.literal('off'),
      z.literal(false).transform(() => 'off' as const),
      z.strictObject({
        snr_db: z.number().min(-20).max(60),
        colour: z.enum(['white', 'pink']).default('pink'),
      }),
    ],
    'must be off, or {snr_db: …, colour: white | pink}',
  ),
});

const hangUp = z.strictObject({ hang_up: z.literal(true).nullish() });

/** What has to be so within a time; `absent`: what must not be so during it. */
const expect = z.strictObject({
  expect: z
    .strictObject({
      /** Words of the agent's, as its side writes them down, since our last words. */
      words: words.optional(),
      matches: boundedPattern.optional(),
      /** The agent calls this tool; with these arguments among others. */
      tool: z.string().min(1).max(100).optional(),
      arguments: z.record(z.string(), z.unknown()).optional(),
      /** The agent is heard to speak. */
      speech: z.literal(true).optional(),
      /** It is silent for so long, ms. */
      silence_ms: ms(20, 600_000).optional(),
      /** It hangs up. */
      hang_up: z.literal(true).optional(),
    })
    .refine(
      ({ arguments: _, ...one }) => Object.values(one).filter((value) => value !== undefined).length === 1,
      'must be one of words, matches, tool, speech, silence_ms and hang_up',
    )
    .refine((one) => one.arguments === undefined || one.tool !== undefined, 'has arguments without a tool'),
  within_ms: within.default(WITHIN_MS),
  absent: z.boolean().default(false),
});

const STEPS = {
  say,
  interrupt,
  backchannel,
  tic,
  side_talk: sideTalk,
  wait_for: waitFor,
  silence,
  keys,
  noise,
  hang_up: hangUp,
  expect,
};

/** The verbs, one of which each step has. */
export const VERBS = Object.keys(STEPS) as ReadonlyArray<keyof typeof STEPS>;

type Verb = keyof typeof STEPS;
/** One step as it is played: its verb is `do`. */
export type Step = { [V in Verb]: { readonly do: V } & Readonly<z.infer<(typeof STEPS)[V]>> }[Verb];

const isVerb = (name: string): name is Verb => name in STEPS;

/** A step of a script. */
export const step = z.unknown().transform((value, context): Step => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const written = typeof value === 'string' && isVerb(value) ? { [value]: true } : value;
  if (typeof written !== 'object' || written === null || Array.isArray(written))
    return refuse(`a step is one of ${VERBS.join(', ')}`);
  const names = Object.keys(written);
  const [verb, second] = names.filter(isVerb);
  if (verb === undefined) {
    const [first = ''] = names;
    return refuse(`there is no step "${first}"${hint(first, VERBS)}; a step is one of ${VERBS.join(', ')}`);
  }
  if (second !== undefined) return refuse(`one step cannot have ${verb} and ${second}: write two`);
  const read = STEPS[verb].safeParse(written);
  if (!read.success) {
    for (const issue of read.error.issues) context.issues.push({ ...issue, input: written } as z.core.$ZodRawIssue);
    return z.NEVER;
  }
  return { do: verb, ...read.data } as Step;
});
