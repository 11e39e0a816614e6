import { z } from 'zod';
import { csv, flag, integer, textMap } from '../../settings.ts';

/** What a session of the model can be told beyond who speaks in it. What is not set is not sent, and stays as the model has it. */

const EFFORTS = ['minimal', 'low', 'medium', 'high', 'xhigh'] as const;
const share = (text: string) => /^(0|1|0?\.\d+|1\.0+)$/.test(text);

export const modelSettings = {
  OPENAI_REASONING_EFFORT: z
    .enum(EFFORTS)
    .optional()
    .describe(
      "How much a reasoning model (gpt-realtime-2 and later) thinks before it speaks; more is slower. Without it the model's own. A prompt may set its own, as for all settings of this kind below.",
    ),
  OPENAI_PARALLEL_TOOL_CALLS: flag
    .optional()
    .describe("Whether a reasoning model may call several tools at once. Without it the model's own."),
  OPENAI_MAX_OUTPUT_TOKENS: z
    .string()
    .refine((s) => s === 'inf' || (/^\d+$/.test(s) && Number(s) >= 1 && Number(s) <= 4_096), {
      message: 'must be a whole number from 1 to 4096, or inf',
    })
    .transform((s) => (s === 'inf' ? ('inf' as const) : Number(s)))
    .optional()
    .describe('Most tokens of one answer, calls of tools included; an answer that is longer is cut off.'),
  OPENAI_TRUNCATION: z
    .string()
    .refine((s) => s === 'auto' || s === 'disabled' || share(s), 'must be auto, disabled, or a share from 0 to 1')
    .transform((s) => (share(s) ? Number(s) : (s as 'auto' | 'disabled')))
    .optional()
    .describe(
      "What becomes of a call that outgrows the model's window: auto, disabled (an error), or the share of the conversation that is kept, e.g. 0.8, which costs less in long calls.",
    ),
  OPENAI_TRUNCATION_TOKENS: integer(1, 1_000_000)
    .optional()
    .describe('With a share as OPENAI_TRUNCATION: most tokens of conversation behind the instructions.'),
  OPENAI_TRANSCRIPTION_PROMPT: z
    .string()
    .optional()
    .describe("A text that guides how the caller's words are written down, where the transcription model takes one."),
  OPENAI_TRANSCRIPTION_KEYWORDS: csv
    .default([])
    .describe('Words that callers are likely to say, comma-separated: names, products. For models that take them.'),
  OPENAI_TRANSCRIPTION_LANGUAGES: csv
    .refine((list) => list.every((code) => /^[a-z]{2}$/.test(code)), 'must be languages in two letters, e.g. en,es')
    .default([])
    .describe(
      "Languages that callers may speak, in two letters, comma-separated, for models that take several. A prompt's own language stands over them.",
    ),
  OPENAI_TRANSCRIPTION_DELAY: z
    .enum(EFFORTS)
    .optional()
    .describe('How long the transcription model waits for certainty, where it can: more is better and later.'),
  OPENAI_PROMPT_ID: z
    .string()
    .optional()
    .describe(
      'Id of a prompt that is kept with the vendor (pmpt_...). What our own prompt says stands over its instructions.',
    ),
  OPENAI_PROMPT_VERSION: z.string().optional().describe('Its version; without it the current one.'),
  OPENAI_PROMPT_VARIABLES: textMap
    .default({})
    .describe('Values for its variables, as a JSON object of texts, e.g. {"city":"Boston"}.'),
};

type ModelConfig = Readonly<z.infer<z.ZodObject<typeof modelSettings>>>;

/** Settings that only today's API knows: a session of the beta is refused for them. */
const GA_ALONE = [
  'OPENAI_REASONING_EFFORT',
  'OPENAI_PARALLEL_TOOL_CALLS',
  'OPENAI_TRUNCATION',
  'OPENAI_TRANSCRIPTION_KEYWORDS',
  'OPENAI_TRANSCRIPTION_LANGUAGES',
  'OPENAI_TRANSCRIPTION_DELAY',
  'OPENAI_PROMPT_ID',
] as const;

const isSet = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0);

/** What in these settings cannot be together, one line each. */
export function modelContradictions(
  config: ModelConfig & { readonly OPENAI_KEY_API: string; readonly OPENAI_VOICE: string },
): string[] {
  const problems: string[] = [];
  if (config.OPENAI_TRUNCATION_TOKENS !== undefined && typeof config.OPENAI_TRUNCATION !== 'number') {
    problems.push('OPENAI_TRUNCATION_TOKENS: needs a share as OPENAI_TRUNCATION, e.g. 0.8.');
  }
  if (config.OPENAI_PROMPT_ID === undefined) {
    if (config.OPENAI_PROMPT_VERSION !== undefined) problems.push('OPENAI_PROMPT_VERSION: needs OPENAI_PROMPT_ID.');
    if (Object.keys(config.OPENAI_PROMPT_VARIABLES).length > 0)
      problems.push('OPENAI_PROMPT_VARIABLES: needs OPENAI_PROMPT_ID.');
  }
  if (config.OPENAI_KEY_API === 'sessions') {
    for (const name of GA_ALONE)
      if (isSet(config[name]))
        problems.push(`${name}: is not known to the API of OPENAI_KEY_API=sessions. Leave it out.`);
    if (config.OPENAI_VOICE.startsWith('voice_'))
      problems.push(
        'OPENAI_VOICE: a custom voice is not known to the API of OPENAI_KEY_API=sessions. Name one of its own.',
      );
  }
  return problems;
}

/** The settings in the terms of an agent's options; what is not set is left out. */
export function sessionDefaults(config: ModelConfig) {
  const { OPENAI_TRUNCATION: truncation, OPENAI_PROMPT_ID: id, OPENAI_PROMPT_VARIABLES: variables } = config;
  return {
    ...(config.OPENAI_REASONING_EFFORT === undefined ? {} : { reasoningEffort: config.OPENAI_REASONING_EFFORT }),
    ...(config.OPENAI_PARALLEL_TOOL_CALLS === undefined
      ? {}
      : { parallelToolCalls: config.OPENAI_PARALLEL_TOOL_CALLS }),
    ...(config.OPENAI_MAX_OUTPUT_TOKENS === undefined ? {} : { maxOutputTokens: config.OPENAI_MAX_OUTPUT_TOKENS }),
    ...(truncation === undefined
      ? {}
      : {
          truncation:
            typeof truncation === 'number'
              ? { retentionRatio: truncation, postInstructionTokens: config.OPENAI_TRUNCATION_TOKENS }
              : truncation,
        }),
    ...(id === undefined
      ? {}
      : {
          storedPrompt: {
            id,
            version: config.OPENAI_PROMPT_VERSION,
            variables: Object.keys(variables).length === 0 ? undefined : variables,
          },
        }),
  };
}

/** How callers' words are written down, where a prompt says nothing else. */
export function transcriptionDefaults(config: ModelConfig) {
  const { OPENAI_TRANSCRIPTION_KEYWORDS: keywords, OPENAI_TRANSCRIPTION_LANGUAGES: languages } = config;
  return {
    prompt: config.OPENAI_TRANSCRIPTION_PROMPT,
    keywords: keywords.length === 0 ? undefined : keywords,
    languages: languages.length === 0 ? undefined : languages,
    delay: config.OPENAI_TRANSCRIPTION_DELAY,
  };
}
