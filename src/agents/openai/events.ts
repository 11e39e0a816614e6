import { z } from 'zod';
import { numeric, statedSession } from './confirmation.ts';

/**
 * What the model sends, as one validated union. Names are GA's; the beta's are mapped to them. An unknown type is no error (a vendor
 * adds events at any time), junk is null, and nothing here throws. Keys that nobody reads are stripped.
 * https://platform.openai.com/docs/api-reference/realtime-server-events
 */

const name = z.string().max(256);
const id = z.union([name, z.number().transform(String)]);
/** An id that some servers leave out where only one thing can be meant; '' stands for it until it is known. */
const ref = id.default('');
const index = numeric.pipe(z.int().min(0)).catch(0);
const text = z.string();

/** A confirmation may come without repeating what it confirms. */
const session = z
  .unknown()
  .optional()
  .transform((raw) => statedSession.parse(typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? raw : {}));

const errorBody = z.object({
  type: text.nullish().catch(undefined),
  code: text.nullish().catch(undefined),
  message: text.catch(''),
  event_id: text.nullish().catch(undefined),
});

/** Arguments are a text of JSON; some servers send what it stands for. */
const callArguments = z.union([text, z.record(z.string(), z.unknown()).transform((value) => JSON.stringify(value))]);

const item = z.object({
  id: id.catch(''),
  type: text.catch(''),
  role: text.optional().catch(undefined),
  status: text.optional().catch(undefined),
  call_id: id.optional().catch(undefined),
  name: name.optional().catch(undefined),
  arguments: callArguments.optional().catch(undefined),
});
export type ModelItem = z.infer<typeof item>;

const tokens = numeric.pipe(z.number().min(0)).catch(0);
const usage = z.object({
  input_token_details: z
    .object({
      text_tokens: tokens,
      audio_tokens: tokens,
      cached_tokens: tokens,
      cached_tokens_details: z
        .object({ audio_tokens: numeric.pipe(z.number().min(0)) })
        .optional()
        .catch(undefined),
    })
    .catch({ text_tokens: 0, audio_tokens: 0, cached_tokens: 0 }),
  output_token_details: z
    .object({ text_tokens: tokens, audio_tokens: tokens })
    .catch({ text_tokens: 0, audio_tokens: 0 }),
});

const response = z.object({
  id: ref,
  status: text.catch(''),
  status_details: z
    .object({
      reason: text.optional().catch(undefined),
      error: z
        .object({
          type: text.nullish().catch(undefined),
          code: text.nullish().catch(undefined),
          message: text.nullish().catch(undefined),
        })
        .nullish()
        .catch(undefined),
    })
    .nullish()
    .catch(undefined),
  /** What is no item harms no other. */
  output: z
    .array(z.unknown())
    .catch([])
    .transform((list) => list.flatMap((one) => item.safeParse(one).data ?? [])),
  usage: usage.nullish().catch(undefined),
});

const limit = z.object({ name: text, limit: tokens, remaining: tokens, reset_seconds: tokens });

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape });

const schema = z.discriminatedUnion('type', [
  event('session.created', { session }),
  event('session.updated', { session }),
  event('error', { error: errorBody }),
  event('conversation.item.added', { item }),
  event('conversation.item.truncated', {
    item_id: id,
    content_index: index,
    audio_end_ms: numeric.pipe(z.number().min(0)),
  }),
  event('conversation.item.input_audio_transcription.delta', { item_id: id, delta: text }),
  event('conversation.item.input_audio_transcription.completed', { item_id: id, transcript: text }),
  event('input_audio_buffer.speech_started', { item_id: id.optional().catch(undefined) }),
  event('input_audio_buffer.speech_stopped', { item_id: id.optional().catch(undefined) }),
  event('input_audio_buffer.committed', { item_id: id }),
  event('output_audio_buffer.started', { response_id: ref }),
  event('output_audio_buffer.stopped', { response_id: ref }),
  event('output_audio_buffer.cleared', { response_id: ref.catch('') }),
  event('response.created', { response }),
  event('response.done', { response }),
  event('response.output_item.added', { response_id: ref, item }),
  event('response.output_item.done', { response_id: ref, item }),
  event('response.output_audio.done', { response_id: ref, item_id: ref }),
  event('response.output_audio_transcript.delta', { response_id: ref, item_id: ref, delta: text }),
  event('response.output_audio_transcript.done', { response_id: ref, item_id: ref, transcript: text }),
  event('response.output_text.delta', { response_id: ref, item_id: ref, delta: text }),
  event('response.output_text.done', { response_id: ref, item_id: ref, text }),
  event('response.function_call_arguments.delta', { response_id: ref }),
  event('response.function_call_arguments.done', {
    response_id: ref,
    item_id: ref,
    call_id: ref,
    name: name.optional().catch(undefined),
    arguments: callArguments,
  }),
  event('rate_limits.updated', { rate_limits: z.array(limit) }),
]);

type Validated = z.infer<typeof schema>;

/** A run of audio. The one event that comes often: it is checked by hand. */
export interface AudioDelta {
  readonly type: 'response.output_audio.delta';
  response_id: string;
  item_id: string;
  readonly content_index: number;
  /** Base64, not yet checked. */
  readonly delta: string;
}

export type ServerEvent =
  | Validated
  | AudioDelta
  /** Known, and of no consequence for a phone call. */
  | { readonly type: 'ignored'; readonly name: string }
  | { readonly type: 'unknown'; readonly name: string };

/** The beta's names of what GA renamed. */
const ALIASES = new Map<string, string>([
  ['response.audio.delta', 'response.output_audio.delta'],
  ['response.audio.done', 'response.output_audio.done'],
  ['response.audio_transcript.delta', 'response.output_audio_transcript.delta'],
  ['response.audio_transcript.done', 'response.output_audio_transcript.done'],
  ['response.text.delta', 'response.output_text.delta'],
  ['response.text.done', 'response.output_text.done'],
  ['conversation.item.created', 'conversation.item.added'],
]);

const VALIDATED = new Set<string>(schema.options.map((option) => option.shape.type.value));

const IGNORED = new Set<string>([
  'conversation.created',
  'conversation.item.done',
  'conversation.item.deleted',
  'conversation.item.retrieved',
  'conversation.item.input_audio_transcription.failed',
  'conversation.item.input_audio_transcription.segment',
  'input_audio_buffer.cleared',
  'input_audio_buffer.timeout_triggered',
  'input_audio_buffer.dtmf_event_received',
  'response.content_part.added',
  'response.content_part.done',
  'mcp_list_tools.in_progress',
  'mcp_list_tools.completed',
  'mcp_list_tools.failed',
  'response.mcp_call_arguments.delta',
  'response.mcp_call_arguments.done',
  'response.mcp_call.in_progress',
  'response.mcp_call.completed',
  'response.mcp_call.failed',
]);

/** Reads one message. Null for what is not JSON, not an event, or an event of a wrong shape. Never throws. */
export function parseServerEvent(json: string): ServerEvent | null {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof raw !== 'object' || raw === null) return null;
  const message = raw as Record<string, unknown>;
  const wireType = message['type'];
  if (typeof wireType !== 'string') return null;
  if (wireType === 'response.output_audio.delta' || wireType === 'response.audio.delta') return audioDelta(message);
  if (wireType === 'input_audio_buffer.speech_started') return speechStarted(message);
  const type = ALIASES.get(wireType) ?? wireType;
  if (!VALIDATED.has(type)) {
    const name = type.slice(0, 80);
    return IGNORED.has(type) ? { type: 'ignored', name } : { type: 'unknown', name };
  }
  if (type !== wireType) message['type'] = type;
  const parsed = schema.safeParse(message);
  return parsed.success ? parsed.data : null;
}

/** The one event whose reading a caller waits for, who cuts in: it is checked by hand, too, as the schema would. */
function speechStarted({ item_id: item }: Record<string, unknown>): ServerEvent {
  const known = (typeof item === 'string' && item.length <= 256) || Number.isFinite(item);
  return { type: 'input_audio_buffer.speech_started', ...(known ? { item_id: String(item) } : {}) };
}

function audioDelta(message: Record<string, unknown>): AudioDelta | null {
  const { response_id = '', item_id = '', content_index, delta } = message;
  if (typeof response_id !== 'string' || typeof item_id !== 'string' || typeof delta !== 'string') return null;
  if (response_id.length > 256 || item_id.length > 256) return null;
  return {
    type: 'response.output_audio.delta',
    response_id,
    item_id,
    content_index:
      typeof content_index === 'number' && Number.isInteger(content_index) ? content_index : index.parse(content_index),
    delta,
  };
}
