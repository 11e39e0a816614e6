import { z } from 'zod';

/**
 * What ElevenLabs' agents send, as far as a call is told of it. Source: the AsyncAPI document behind npm @elevenlabs/types
 * (generated/types/asyncapi-types.ts). What comes beside these fields is passed over.
 */

const id = z.number();

export const serverMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('conversation_initiation_metadata'),
    conversation_initiation_metadata_event: z.object({
      conversation_id: z.string().max(200),
      agent_output_audio_format: z.string(),
      user_input_audio_format: z.string(),
    }),
  }),
  z.object({ type: z.literal('audio'), audio_event: z.object({ audio_base_64: z.string(), event_id: id }) }),
  z.object({ type: z.literal('interruption'), interruption_event: z.object({ event_id: id }) }),
  z.object({ type: z.literal('ping'), ping_event: z.object({ event_id: id }) }),
  z.object({
    type: z.literal('user_transcript'),
    user_transcription_event: z.object({ user_transcript: z.string(), event_id: id.optional() }),
  }),
  z.object({ type: z.literal('tentative_user_transcript') }),
  z.object({
    type: z.literal('agent_response'),
    agent_response_event: z.object({ agent_response: z.string(), event_id: id.optional() }),
  }),
  z.object({
    type: z.literal('agent_response_correction'),
    agent_response_correction_event: z.object({ corrected_agent_response: z.string(), event_id: id.optional() }),
  }),
  z.object({
    type: z.literal('client_tool_call'),
    client_tool_call: z.object({
      tool_name: z.string(),
      tool_call_id: z.string(),
      parameters: z.record(z.string(), z.unknown()).default({}),
    }),
  }),
  z.object({
    type: z.literal('error'),
    error_event: z.object({
      code: z.number().optional(),
      error_type: z.string().optional(),
      message: z.string().optional(),
      reason: z.string().optional(),
    }),
  }),
]);

export type ServerMessage = z.infer<typeof serverMessage>;

/** Those that are read. */
const READ: ReadonlySet<string> = new Set(serverMessage.options.map(({ shape }) => shape.type.value));
export const isRead = (type: string): boolean => READ.has(type);

/** Known, and nothing that a call is told. */
export const OF_NO_USE: ReadonlySet<string> = new Set([
  'agent_chat_response_part',
  'agent_reasoning_response_part',
  'agent_tool_request',
  'agent_tool_response',
  'agent_tool_response_full_payload',
  'agent_typing',
  'asr_initiation_metadata',
  'context_usage',
  'external_agent_connected',
  'external_agent_disconnected',
  'guardrail_triggered',
  'internal_tentative_agent_response',
  'internal_turn_probability',
  'mcp_connection_status',
  'mcp_tool_call',
  'rich_content',
  'vad_score',
]);
