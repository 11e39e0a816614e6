import { z } from 'zod';

/** What a client may send: the AsyncAPI document behind npm @elevenlabs/types, role client. */
export const clientMessage = z.union([
  z.strictObject({ user_audio_chunk: z.base64() }),
  z.strictObject({ type: z.literal('pong'), event_id: z.int() }),
  z.strictObject({ type: z.literal('user_message'), text: z.string().optional() }),
  z.strictObject({ type: z.literal('user_activity') }),
  z.strictObject({ type: z.literal('contextual_update'), text: z.string() }),
  z.strictObject({
    type: z.literal('client_tool_result'),
    tool_call_id: z.string(),
    result: z.string(),
    is_error: z.boolean(),
  }),
  z.strictObject({
    type: z.literal('conversation_initiation_client_data'),
    conversation_config_override: z.record(z.string(), z.unknown()).optional(),
    dynamic_variables: z.record(z.string(), z.unknown()).optional(),
    custom_llm_extra_body: z.record(z.string(), z.unknown()).optional(),
    user_id: z.string().optional(),
    tool_mock_config: z
      .strictObject({
        mocking_strategy: z.enum(['none', 'all', 'selected']).optional(),
        mocked_tool_names: z.array(z.string()).optional(),
        fallback_strategy: z.enum(['raise_error', 'call_real_tool']).optional(),
      })
      .optional(),
  }),
]);

export type ClientMessage = z.infer<typeof clientMessage>;
export type Initiation = Extract<ClientMessage, { type: 'conversation_initiation_client_data' }>;
export type ToolResult = Extract<ClientMessage, { type: 'client_tool_result' }>;

export const FORMATS = [
  'pcm_8000',
  'pcm_16000',
  'pcm_22050',
  'pcm_24000',
  'pcm_44100',
  'pcm_48000',
  'ulaw_8000',
] as const;
export type Format = (typeof FORMATS)[number];
