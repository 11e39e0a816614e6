import { z } from 'zod';
import { orBoolean } from '../../operator-file.ts';

/** What a prompt, or a route, may say of this kind of agent. What is left out stays as the daemon's settings have it. Times end in their unit. */

const language = z.string().regex(/^[a-z]{2}$/, 'must be a language in two letters, e.g. en');
const effort = z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']);

const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number().min(0).max(1).optional(),
    prefixPaddingMs: z.int().min(0).max(2_000).optional(),
    silenceDurationMs: z.int().min(100).max(5_000).optional(),
    idleTimeoutMs: z.int().min(5_000).max(30_000).optional(),
    interruptResponse: orBoolean(z.boolean()).optional(),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    eagerness: z.enum(['low', 'medium', 'high', 'auto']).optional(),
    interruptResponse: orBoolean(z.boolean()).optional(),
  }),
]);

/** Keys of the group `turnDetection`, for hints at what was meant. */
export const turnDetectionKeys = turnDetection.options.flatMap(({ shape }) => Object.keys(shape));

const prompt = {
  /** A voice by name, or a custom one by its id: `voice_...`, or as `{id: voice_...}`. */
  voice: z
    .union([z.string().min(1), z.strictObject({ id: z.string().regex(/^voice_/, 'must begin with voice_') })])
    .transform((voice) => (typeof voice === 'string' ? voice : voice.id))
    .optional(),
  model: z.string().min(1).optional(),
  /** Language of the caller's words for transcription: ISO 639-1. */
  language: language.optional(),
  turnDetection: z
    .union([z.enum(['server_vad', 'semantic_vad']).transform((type) => ({ type })), turnDetection])
    .optional(),
  /** true: the agent speaks first, as its instructions say; a text: with these words; false: it waits. */
  greeting: orBoolean(z.union([z.boolean(), z.string().min(1)])).optional(),
  noiseReduction: z
    // Unquoted, some YAML tools write off as false.
    .preprocess((value) => (value === false ? 'off' : value), z.enum(['near_field', 'far_field', 'off']))
    .transform((kind) => (kind === 'off' ? null : kind))
    .optional(),
  transcriptionModel: z.string().min(1).optional(),
  /** How the caller's words are written down; which of these the model takes is its own affair. Languages in two letters. */
  transcription: z
    .strictObject({
      model: z.string().min(1).optional(),
      prompt: z.string().min(1).optional(),
      keywords: z.array(z.string().min(1)).min(1).optional(),
      languages: z.array(language).min(1).optional(),
      delay: effort.optional(),
    })
    .optional(),
  /** How much a reasoning model thinks before it speaks. */
  reasoningEffort: effort.optional(),
  parallelToolCalls: z.boolean().optional(),
  /** Most tokens of one answer, calls of tools included. */
  maxOutputTokens: z
    .union([z.literal('inf'), z.int().min(1).max(4_096)], 'must be a whole number from 1 to 4096, or inf')
    .optional(),
  /** What becomes of a conversation that outgrows the model's window. */
  truncation: z
    .union(
      [
        z.enum(['auto', 'disabled']),
        z.strictObject({
          retentionRatio: z.number().min(0).max(1),
          postInstructionTokens: z.int().min(1).optional(),
        }),
      ],
      'must be auto, disabled, or have retentionRatio (0 to 1) and perhaps postInstructionTokens',
    )
    .optional(),
  /** A prompt that is kept with the model's vendor. With one the body may be empty; what the body says stands over it. */
  storedPrompt: z
    .strictObject({
      id: z.string().min(1),
      version: z.union([z.string().min(1), z.int().transform(String)]).optional(),
      /** Their values may hold variables as the body does. */
      variables: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  /** 0.25 to 1.5; 1 is normal. */
  speed: z.number().min(0.25).max(1.5).optional(),
};

type PromptKeys = Readonly<z.infer<z.ZodObject<typeof prompt>>>;

function check(options: PromptKeys, context: z.core.$RefinementCtx): void {
  const { transcription, transcriptionModel, language: one } = options;
  if (transcriptionModel !== undefined && transcription?.model !== undefined) {
    context.addIssue({
      code: 'custom',
      path: ['transcription', 'model'],
      message: 'is told by transcriptionModel, too',
    });
  }
  if (one !== undefined && transcription?.languages !== undefined) {
    context.addIssue({ code: 'custom', path: ['transcription', 'languages'], message: 'is told by language, too' });
  }
}

const route = {
  /** How the model is reached. */
  transport: z.enum(['webrtc', 'websocket']).optional(),
};

export const openAiOptions = {
  prompt,
  route,
  groups: turnDetectionKeys,
  check,
  templates: ['greeting', 'storedPrompt.variables'],
  mayBeWordless: (options: PromptKeys) => options.storedPrompt !== undefined,
};

export type OpenAiPromptOptions = PromptKeys & Readonly<z.infer<z.ZodObject<typeof route>>>;
