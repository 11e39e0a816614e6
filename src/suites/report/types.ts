import { z } from 'zod';
import type { Measures } from '../../measure/measures.ts';
import { FIGURE_NAMES } from '../gates.ts';

/**
 * What a run leaves: `run.json`, and `case.json` of each case, which the interface and `--json` give as they are. Times named `...Ms` are
 * milliseconds; `fromMs`, `toMs` and `atMs` count from sample 0 of the case's tape.
 */

/** Changes when a field changes its meaning or goes. */
export const FORMAT = 1;

/**
 * passed; failed: the agent did not do what it should; invalid: the caller itself did not, so that nothing follows about the agent, and the case was
 * repeated in vain; not-executed: the agent could not be reached, or the run was over before.
 */
export const CASE_STATES = ['passed', 'failed', 'invalid', 'not-executed'] as const;
export type CaseState = (typeof CASE_STATES)[number];

const gate = z
  .object({
    figure: z.enum(FIGURE_NAMES),
    unit: z.string(),
    min: z.number().optional(),
    max: z.number().optional(),
    value: z.number().nullable().describe('null where there were too few to tell.'),
    n: z.number().describe('Of how many the figure is.'),
    state: z.enum(['kept', 'broken', 'undecided']),
  })
  .describe('A bound and the figure beside it.');

const side = z.enum(['caller', 'agent']);
const line = z.object({
  who: side,
  text: z.string(),
  fromMs: z.number().optional(),
  toMs: z.number().optional(),
});
export type ReportLine = z.infer<typeof line>;

const toolCall = z.object({
  name: z.string(),
  arguments: z.unknown().describe('As they were given; the text itself where it is no JSON.'),
  atMs: z.number().optional(),
  by: z.enum(['call', 'webhook']).describe('Whether the call itself told of it, or the run was asked as a webhook.'),
  outcome: z.string().optional(),
});
export type ReportToolCall = z.infer<typeof toolCall>;

export const VERDICTS = ['pass', 'fail', 'maybe'] as const;
const verdict = z.enum(VERDICTS);
export type Verdict = z.infer<typeof verdict>;

const judged = z.object({
  model: z.string(),
  hash: z
    .string()
    .describe(
      "SHA-256 of the judge's model, instructions and criteria: verdicts of the same hash were asked for alike.",
    ),
  criteria: z.array(
    z.object({
      id: z.string(),
      criterion: z.string(),
      verdict,
      agreement: z.number().describe('Share of the votes that were for the verdict, 0 to 1.'),
      votes: z.array(z.object({ verdict, quote: z.string(), reason: z.string() })),
    }),
  ),
});
export type Judged = z.infer<typeof judged>;

const mark = z.object({
  atMs: z.number(),
  kind: z.string(),
  text: z.string().optional(),
  step: z.number().optional(),
  cut: z.boolean().optional().describe('Not all of its words were said: the agent spoke over them.'),
});

const pace = z
  .object({
    frames: z.number().describe('Frames of 20 ms that the caller sent.'),
    late: z.number().describe('Those that left more than 20 ms behind their time.'),
    starved: z.number().describe('Of the late ones, those for which this process was only not given the processor.'),
    worstMs: z.number(),
    worstOwnMs: z.number().describe('Without what the process waited for the processor.'),
  })
  .describe('How well the caller kept its own time.');

const check = z.object({
  what: z.string(),
  ok: z.boolean(),
  unknown: z
    .literal(true)
    .optional()
    .describe('Nothing is known of it, for the words by which it is decided are not known; `ok` says nothing then.'),
  why: z.string().optional(),
  step: z.number().optional().describe("Of the caller's script, from 0, where it is an expectation of that."),
  atMs: z.number().optional(),
});
export type ReportCheck = z.infer<typeof check>;

export const caseReport = z
  .object({
    format: z.literal(FORMAT),
    id: z.string().describe('Unique in its run.'),
    name: z.string(),
    state: z.enum(CASE_STATES),
    reasons: z.array(z.string()).describe('Why it is in this state; empty where it passed.'),
    variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    repetition: z.number().describe('Which of its repeats it is, from 1.'),
    attempts: z.number().describe('How often it was called until it was valid.'),
    seed: z.number(),
    target: z.object({ kind: z.string() }),
    callId: z.string().optional().describe('Of the call, as records and events have it.'),
    providerCallId: z.string().optional().describe("The provider's own id of it."),
    startedAt: z.string().optional(),
    durationMs: z.number(),
    end: z.object({ result: z.string(), reason: z.string(), detail: z.string().optional() }).optional(),
    caller: z
      .object({ state: z.string(), reason: z.string().optional(), marks: z.array(mark), pace: pace.optional() })
      .optional(),
    transcript: z.array(line).describe("Written down from the tape's channels; empty where that was not asked for."),
    providerTranscript: z
      .array(line)
      .describe("As the agent's side has it: the provider's own record of the call, else what the call told."),
    tools: z.array(toolCall),
    checks: z.array(check).describe("The case's checks and the expectations of its caller."),
    judged: judged.optional(),
    words: z
      .object({
        callerWordErrorRate: z
          .number()
          .nullable()
          .describe("Of the agent's transcript of the caller, against the script's words."),
        callerWords: z.number(),
        agentWordErrorRate: z
          .number()
          .nullable()
          .describe("Of the agent's own transcript of itself, against what was written down from the tape."),
        agentWords: z.number(),
        channelWordErrorRate: z
          .number()
          .nullable()
          .optional()
          .describe(
            "Of what was written down from the caller's own channel, against the script's words: whether the caller said what it should.",
          ),
        channelWords: z.number().optional(),
      })
      .optional(),
    wordless: z
      .string()
      .optional()
      .describe('Why nothing is known of what the agent said although it spoke; left out where something is.'),
    gates: z.array(gate),
    /** `Measures` of measure/measures.ts. */
    measures: (z.looseObject({}) as unknown as z.ZodType<Measures>).optional(),
    tape: z.boolean().describe('Whether the tape was kept.'),
    masked: z.enum(['off', 'numbers', 'words']),
  })
  .describe('One case of a run: one call.');
export type CaseReport = z.infer<typeof caseReport>;

/** What a run's own report has of each case. */
export const caseSummary = caseReport.pick({
  id: true,
  name: true,
  state: true,
  reasons: true,
  repetition: true,
  attempts: true,
  callId: true,
  providerCallId: true,
  durationMs: true,
});
export type CaseSummary = z.infer<typeof caseSummary>;

const repeats = z
  .object({
    cases: z
      .array(
        z.object({
          id: z.string().describe('Of the case, without which of its repeats it is.'),
          name: z.string(),
          n: z.number().describe('Repeats that passed or failed.'),
          passed: z.number(),
        }),
      )
      .describe('One for each case.'),
    passHatK: z
      .array(
        z.object({
          k: z.number(),
          value: z.number().nullable().describe('0 to 1; null where no case was called so often.'),
          cases: z.number().describe('How many cases it is the mean of.'),
        }),
      )
      .describe('pass^k: the probability that k calls of a case all pass.'),
  })
  .describe('How far cases that were called more than once can be relied on.');

export const RUN_STATES = ['running', 'passed', 'failed', 'invalid', 'not-executed', 'interrupted'] as const;

export const runReport = z
  .object({
    format: z.literal(FORMAT),
    id: z.string(),
    suite: z.string(),
    suiteFile: z.string().describe('Its name in the folder of suites.'),
    suiteHash: z.string().describe("SHA-256 of the suite's file."),
    state: z
      .enum(RUN_STATES)
      .describe('passed: all cases did and all gates were kept; interrupted: its process ended before it did.'),
    startedAt: z.string(),
    endedAt: z.string().optional(),
    process: z.object({ pid: z.number(), host: z.string() }).describe('Which process has it, or had it last.'),
    options: z.object({
      only: z.array(z.string()).optional(),
      repeat: z.number().optional(),
      concurrency: z.number(),
      mask: z.enum(['off', 'numbers', 'words']),
    }),
    planned: z.number().describe('Cases that it has, repeats included.'),
    counts: z.object({
      passed: z.number(),
      failed: z.number(),
      invalid: z.number(),
      'not-executed': z.number(),
    }),
    spent: z.object({
      minutes: z.number().describe('Minutes of calls.'),
      money: z.number().optional().describe('In the currency of price_per_minute.'),
    }),
    cases: z.array(caseSummary),
    gates: z.array(gate),
    /** `Figures` of measure/measures.ts, of all cases that passed or failed. */
    figures: z.looseObject({}).optional(),
    repeats: repeats.optional(),
    notes: z.array(z.string()),
    waiting: z
      .array(z.object({ kind: z.string(), untilAt: z.string() }))
      .optional()
      .describe(
        'Kinds of agents of which none is called until then, as their providers asked, or for want of a place; while the run goes on.',
      ),
  })
  .describe('A run of a suite.');
export type RunReport = z.infer<typeof runReport>;
