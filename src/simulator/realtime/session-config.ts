import { z } from 'zod';
import { createdItem } from './created-item.ts';
import { ServiceError } from './service-error.ts';
import { throwZodIssue } from './validation.ts';

/**
 * The session's configuration in its GA form, and the rules by which `session.update` changes it.
 * Source: OpenAI API reference, RealtimeSessionCreateRequest (npm openai, resources/realtime/realtime.d.ts).
 */

export type AudioFormat = { type: 'audio/pcm'; rate: 24000 } | { type: 'audio/pcmu' } | { type: 'audio/pcma' };

const format = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000).default(24_000) }),
  z.strictObject({ type: z.literal('audio/pcmu') }),
  z.strictObject({ type: z.literal('audio/pcma') }),
]);

const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number().min(0).max(1).default(0.5),
    prefix_padding_ms: z.int().min(0).max(5_000).default(300),
    silence_duration_ms: z.int().min(0).max(10_000).default(500),
    idle_timeout_ms: z.int().min(5_000).max(30_000).nullable().default(null),
    create_response: z.boolean().default(true),
    interrupt_response: z.boolean().default(true),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    eagerness: z.enum(['low', 'medium', 'high', 'auto']).default('auto'),
    create_response: z.boolean().default(true),
    interrupt_response: z.boolean().default(true),
  }),
]);
export type TurnDetection = z.infer<typeof turnDetection>;

/** A voice of the service by name, or a custom one by id. */
const voice = z.union([z.string().min(1), z.strictObject({ id: z.string().min(1) })]);

const tool = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('function'),
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
  }),
  // MCP servers are accepted and never called: the simulator has no outside world.
  z.looseObject({ type: z.literal('mcp'), server_label: z.string() }),
]);

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.strictObject({ type: z.literal('function'), name: z.string() }),
  z.looseObject({ type: z.literal('mcp'), server_label: z.string() }),
]);

const maxTokens = z.union([z.int().min(1).max(4096), z.literal('inf')]);
const modalities = z.union([z.tuple([z.literal('audio')]), z.tuple([z.literal('text')])]);
const prompt = z
  .strictObject({
    id: z.string(),
    variables: z.record(z.string(), z.unknown()).nullable().optional(),
    version: z.string().nullable().optional(),
  })
  .nullable();
const effort = z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']);
const reasoning = z.strictObject({ effort: effort.optional() });
const transcription = z.strictObject({
  model: z.string().optional(),
  language: z.string().optional(),
  languages: z.array(z.string()).optional(),
  prompt: z.string().optional(),
  keywords: z.array(z.string()).optional(),
  delay: effort.optional(),
});
const truncation = z.union([
  z.enum(['auto', 'disabled']),
  z.strictObject({
    type: z.literal('retention_ratio'),
    retention_ratio: z.number().min(0).max(1),
    token_limits: z.strictObject({ post_instructions: z.int().min(0).optional() }).optional(),
  }),
]);

const fields = {
  type: z.enum(['realtime', 'transcription']),
  model: z.string().min(1).optional(),
  output_modalities: modalities.optional(),
  instructions: z.string().optional(),
  tools: z.array(tool).optional(),
  tool_choice: toolChoice.optional(),
  parallel_tool_calls: z.boolean().optional(),
  max_output_tokens: maxTokens.optional(),
  prompt: prompt.optional(),
  reasoning: reasoning.optional(),
  tracing: z
    .union([z.literal('auto'), z.looseObject({})])
    .nullable()
    .optional(),
  truncation: truncation.optional(),
  include: z.array(z.literal('item.input_audio_transcription.logprobs')).optional(),
  audio: z
    .strictObject({
      input: z
        .strictObject({
          format: format.optional(),
          noise_reduction: z
            .strictObject({
              type: z.enum(['near_field', 'far_field']).optional(),
              strength: z.number().min(0).max(1).optional(),
            })
            .nullable()
            .optional(),
          // Both are turned off by null, as the reference says beside the types.
          transcription: transcription.nullable().optional(),
          turn_detection: turnDetection.nullable().optional(),
        })
        .optional(),
      output: z
        .strictObject({
          format: format.optional(),
          voice: voice.optional(),
          speed: z.number().min(0.25).max(1.5).optional(),
        })
        .optional(),
    })
    .optional(),
};
const updateSchema = z.strictObject(fields);
export type SessionUpdate = z.infer<typeof updateSchema>;

/** The whole configuration of a session, as `session.created` and `session.updated` tell it, but for ids and times. */
export interface SessionConfig {
  type: 'realtime' | 'transcription';
  model: string;
  output_modalities: ['audio'] | ['text'];
  instructions: string;
  tools: NonNullable<SessionUpdate['tools']>;
  tool_choice: NonNullable<SessionUpdate['tool_choice']>;
  parallel_tool_calls: boolean;
  max_output_tokens: number | 'inf';
  prompt: SessionUpdate['prompt'] | null;
  reasoning: SessionUpdate['reasoning'] | null;
  tracing: SessionUpdate['tracing'] | null;
  truncation: NonNullable<SessionUpdate['truncation']>;
  include: string[] | null;
  audio: {
    input: {
      format: AudioFormat;
      noise_reduction: Record<string, unknown> | null;
      transcription: { model?: string | undefined } | null;
      turn_detection: TurnDetection | null;
    };
    output: { format: AudioFormat; voice: string | { id: string }; speed: number };
  };
}

export const DEFAULT_MODEL = 'gpt-realtime-2.1';
export const DEFAULT_INSTRUCTIONS = 'You are a test line: you greet, and you say back what you hear.';

export function defaultConfig(model: string = DEFAULT_MODEL): SessionConfig {
  return {
    type: 'realtime',
    model,
    output_modalities: ['audio'],
    instructions: DEFAULT_INSTRUCTIONS,
    tools: [],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    max_output_tokens: 'inf',
    prompt: null,
    reasoning: null,
    tracing: null,
    truncation: 'auto',
    include: null,
    audio: {
      input: {
        format: { type: 'audio/pcm', rate: 24_000 },
        noise_reduction: null,
        transcription: null,
        turn_detection: turnDetection.parse({ type: 'server_vad' }),
      },
      output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'marin', speed: 1 },
    },
  };
}

/** What the state of a session forbids. */
export interface UpdateLimits {
  /** Assistant audio exists: the voice is settled. */
  readonly voiceFixed: boolean;
  /** The model cannot change once a session has one. */
  readonly modelFixed: boolean;
}

/** Checks a `session` object from a client. Throws a ServiceError in the service's words; `path` names it there ("session"). */
export function parseUpdate(value: unknown, path = 'session'): SessionUpdate {
  const result = updateSchema.safeParse(value);
  if (!result.success) throwZodIssue(result.error, value, path);
  return result.data;
}

/** The configuration after an update: only keys that are present change. Throws a ServiceError for what the limits forbid. */
export function mergeConfig(current: SessionConfig, update: SessionUpdate, limits: UpdateLimits): SessionConfig {
  if (limits.modelFixed && update.model !== undefined && update.model !== current.model) {
    throw new ServiceError('Cannot update the model of a session.', { code: 'invalid_value', param: 'session.model' });
  }
  const voiceNow = update.audio?.output?.voice;
  if (
    limits.voiceFixed &&
    voiceNow !== undefined &&
    JSON.stringify(voiceNow) !== JSON.stringify(current.audio.output.voice)
  ) {
    throw new ServiceError("Cannot update a conversation's voice if assistant audio is present.", {
      code: 'cannot_update_voice',
      param: 'session.audio.output.voice',
    });
  }
  const { audio, ...flat } = update;
  return {
    ...current,
    ...present(flat),
    audio: {
      input: { ...current.audio.input, ...present(audio?.input ?? {}) },
      output: { ...current.audio.output, ...present(audio?.output ?? {}) },
    },
  } as SessionConfig;
}

function present(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
}

/**
 * The configuration as the service tells it (RealtimeSessionCreateResponse): without what only a client says, and without what is not set, but for
 * the fields that may be null.
 */
export function shownConfig(config: SessionConfig): Record<string, unknown> {
  const { parallel_tool_calls: _, reasoning: effort, include, audio, ...rest } = config;
  const { noise_reduction, transcription: words, ...input } = audio.input;
  return {
    ...rest,
    ...(effort === null ? {} : { reasoning: effort }),
    ...(include === null ? {} : { include }),
    audio: {
      input: {
        ...input,
        ...(noise_reduction === null ? {} : { noise_reduction }),
        ...(words === null ? {} : { transcription: words }),
      },
      output: { ...audio.output, voice: shownVoice(audio.output.voice) },
    },
  };
}

/** A custom voice is told by its id: the field is a string wherever the service speaks. */
export function shownVoice(voice: SessionConfig['audio']['output']['voice']): string {
  return typeof voice === 'string' ? voice : voice.id;
}

const responseSchema = z.strictObject({
  instructions: z.string().optional(),
  output_modalities: modalities.optional(),
  conversation: z.enum(['auto', 'none']).optional(),
  metadata: z.record(z.string(), z.string()).nullable().optional(),
  input: z
    .array(z.union([createdItem, z.strictObject({ id: z.string(), type: z.literal('item_reference') })]))
    .optional(),
  tools: z.array(tool).optional(),
  tool_choice: toolChoice.optional(),
  parallel_tool_calls: z.boolean().optional(),
  reasoning: reasoning.optional(),
  max_output_tokens: maxTokens.optional(),
  prompt: prompt.optional(),
  audio: z
    .strictObject({ output: z.strictObject({ format: format.optional(), voice: voice.optional() }).optional() })
    .optional(),
});
/** The `response` of a `response.create`: what differs from the session for this one response. */
export type ResponseParams = z.infer<typeof responseSchema>;

export function parseResponseParams(value: unknown): ResponseParams {
  const result = responseSchema.safeParse(value ?? {});
  if (!result.success) throwZodIssue(result.error, value, 'response');
  return result.data;
}
