import { type Entry, outputAudioTokens, textTokens } from './conversation.ts';
import type { Pace } from './options.ts';
import { type ResponseParams, type SessionConfig, shownVoice } from './session-config.ts';

/** The `response` object of `response.created` and `response.done`. Source: OpenAI API reference, RealtimeResponse. */

export type ResponseStatus = 'in_progress' | 'completed' | 'cancelled' | 'failed' | 'incomplete';

/** What is settled when a response begins. */
export interface ResponseContext {
  readonly config: SessionConfig;
  readonly params: ResponseParams;
  readonly pace: Pace;
  readonly conversationId: string;
  /** Whether audio goes out as `response.output_audio.delta` events (WebSocket) or beside them (WebRTC). */
  readonly audioInEvents: boolean;
  readonly inputTokens: { text: number; audio: number };
  /** Never puts out anything and never ends by itself. */
  readonly stuck: boolean;
}

/** The object as it is told; what the response does not say for itself is the session's. */
export function responseResource(
  id: string,
  context: ResponseContext,
  status: ResponseStatus,
  details: Record<string, unknown> | null,
  output: readonly Entry[],
  usage: Record<string, unknown> | null,
): Record<string, unknown> {
  const { config, params } = context;
  return {
    object: 'realtime.response',
    id,
    status,
    status_details: details,
    output: output.map((entry) => entry.item),
    conversation_id: params.conversation === 'none' ? null : context.conversationId,
    output_modalities: params.output_modalities ?? config.output_modalities,
    max_output_tokens: params.max_output_tokens ?? config.max_output_tokens,
    audio: {
      output: {
        format: params.audio?.output?.format ?? config.audio.output.format,
        voice: shownVoice(params.audio?.output?.voice ?? config.audio.output.voice),
      },
    },
    usage,
    metadata: params.metadata ?? null,
  };
}

/** Token counts from what was really read and put out. */
export function usageOf(
  input: { text: number; audio: number },
  output: readonly Entry[],
  audioMs: number,
): Record<string, unknown> {
  let text = 0;
  for (const { item } of output) {
    text += textTokens(item.arguments ?? '');
    for (const part of item.content ?? []) text += textTokens(part.transcript ?? part.text ?? '');
  }
  const audio = outputAudioTokens(audioMs);
  return {
    total_tokens: input.text + input.audio + text + audio,
    input_tokens: input.text + input.audio,
    output_tokens: text + audio,
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: 0,
      cached_tokens: 0,
      cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
    },
    output_token_details: { text_tokens: text, audio_tokens: audio },
  };
}
