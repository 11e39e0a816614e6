import { z } from 'zod';
import type { ServerEvent } from './response.ts';
import { type AudioFormat, parseUpdate, type SessionConfig, type SessionUpdate } from './session-config.ts';
import { throwZodIssue } from './validation.ts';

/**
 * The beta dialect (`OpenAI-Beta: realtime=v1`): a flat session object and older event names. A session is kept in its GA form;
 * this file translates at the edge. Source: npm openai, resources/beta/realtime/realtime.d.ts.
 */

const betaFormat = z.enum(['pcm16', 'g711_ulaw', 'g711_alaw']);
const betaSchema = z.strictObject({
  model: z.string().optional(),
  modalities: z.array(z.enum(['text', 'audio'])).optional(),
  instructions: z.string().optional(),
  voice: z.string().optional(),
  input_audio_format: betaFormat.optional(),
  output_audio_format: betaFormat.optional(),
  input_audio_transcription: z.looseObject({}).nullable().optional(),
  input_audio_noise_reduction: z.looseObject({}).nullable().optional(),
  turn_detection: z.looseObject({ type: z.string() }).nullable().optional(),
  tools: z.array(z.looseObject({})).optional(),
  tool_choice: z.unknown().optional(),
  temperature: z.number().min(0.6).max(1.2).optional(),
  max_response_output_tokens: z.union([z.int().min(1).max(4096), z.literal('inf')]).optional(),
  speed: z.number().min(0.25).max(1.5).optional(),
  tracing: z.unknown().optional(),
  client_secret: z.unknown().optional(),
});

const TO_GA_FORMAT: Record<z.infer<typeof betaFormat>, AudioFormat> = {
  pcm16: { type: 'audio/pcm', rate: 24_000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
};

function betaFormatOf(format: AudioFormat): string {
  return format.type === 'audio/pcm' ? 'pcm16' : format.type === 'audio/pcmu' ? 'g711_ulaw' : 'g711_alaw';
}

/** A flat session object as a GA update. Throws a ServiceError as `parseUpdate` does. */
export function updateFromBeta(value: unknown): SessionUpdate {
  const result = betaSchema.safeParse(value ?? {});
  if (!result.success) throwZodIssue(result.error, value, 'session');
  const flat = result.data;
  // In the beta a turn_detection without a type is server VAD.
  const update = {
    type: 'realtime',
    model: flat.model,
    // Both modalities in the beta mean speech with its transcript, which is what "audio" means in the GA form.
    output_modalities:
      flat.modalities === undefined ? undefined : flat.modalities.includes('audio') ? ['audio'] : ['text'],
    instructions: flat.instructions,
    tools: flat.tools,
    tool_choice: flat.tool_choice,
    max_output_tokens: flat.max_response_output_tokens,
    tracing: flat.tracing,
    audio: {
      input: {
        format: flat.input_audio_format && TO_GA_FORMAT[flat.input_audio_format],
        transcription: flat.input_audio_transcription,
        noise_reduction: flat.input_audio_noise_reduction,
        turn_detection: flat.turn_detection,
      },
      output: {
        format: flat.output_audio_format && TO_GA_FORMAT[flat.output_audio_format],
        voice: flat.voice,
        speed: flat.speed,
      },
    },
  };
  return parseUpdate(JSON.parse(JSON.stringify(update)));
}

/** The flat form of a session's configuration. */
export function betaSession(config: SessionConfig): Record<string, unknown> {
  return {
    model: config.model,
    modalities: config.output_modalities[0] === 'audio' ? ['audio', 'text'] : ['text'],
    instructions: config.instructions,
    voice: config.audio.output.voice,
    input_audio_format: betaFormatOf(config.audio.input.format),
    output_audio_format: betaFormatOf(config.audio.output.format),
    input_audio_transcription: config.audio.input.transcription,
    input_audio_noise_reduction: config.audio.input.noise_reduction,
    turn_detection: config.audio.input.turn_detection,
    tools: config.tools,
    tool_choice: config.tool_choice,
    temperature: 0.8,
    max_response_output_tokens: config.max_output_tokens,
    speed: config.audio.output.speed,
    tracing: config.tracing,
  };
}

const RENAMED: Record<string, string> = {
  'conversation.item.added': 'conversation.item.created',
  'response.output_audio.delta': 'response.audio.delta',
  'response.output_audio.done': 'response.audio.done',
  'response.output_audio_transcript.delta': 'response.audio_transcript.delta',
  'response.output_audio_transcript.done': 'response.audio_transcript.done',
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
};

/** A server event in its beta form, or undefined for one that the beta does not have. */
export function betaEvent(event: ServerEvent): ServerEvent | undefined {
  if (event.type === 'conversation.item.done') return undefined;
  const renamed = { ...event, type: RENAMED[event.type] ?? event.type };
  return 'item' in event || 'response' in event ? (renameContent(renamed) as ServerEvent) : renamed;
}

function renameContent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renameContent);
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (key === 'type' && entry === 'output_audio') out[key] = 'audio';
    else if (key === 'type' && entry === 'output_text') out[key] = 'text';
    else if (key === 'output_modalities') out['modalities'] = entry;
    else out[key] = renameContent(entry);
  }
  return out;
}

/** The `response` of a beta `response.create` in GA words. */
export function responseParamsFromBeta(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { modalities, voice, output_audio_format, max_response_output_tokens, temperature, ...rest } = value as Record<
    string,
    unknown
  >;
  const output: Record<string, unknown> = {};
  if (voice !== undefined) output['voice'] = voice;
  if (typeof output_audio_format === 'string') {
    output['format'] = TO_GA_FORMAT[output_audio_format as 'pcm16'] ?? output_audio_format;
  }
  return {
    ...rest,
    ...(Array.isArray(modalities) ? { output_modalities: modalities.includes('audio') ? ['audio'] : ['text'] } : {}),
    ...(max_response_output_tokens === undefined ? {} : { max_output_tokens: max_response_output_tokens }),
    ...(Object.keys(output).length === 0 ? {} : { audio: { output } }),
  };
}

/** An item that a beta client creates, in GA words: an assistant's content is `text` and `audio` there. */
export function itemFromBeta(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { role, content } = value as Record<string, unknown>;
  if (role !== 'assistant' || !Array.isArray(content)) return value;
  const GA: Record<string, string> = { text: 'output_text', audio: 'output_audio' };
  return {
    ...value,
    content: content.map((part: unknown) => {
      const kind: unknown = typeof part === 'object' && part !== null ? Reflect.get(part, 'type') : undefined;
      return typeof kind === 'string' && kind in GA ? { ...(part as object), type: GA[kind] } : part;
    }),
  };
}
