import type { AgentLabels } from '../../metrics/labels.ts';

/** What may stand on a metric's label. Errors: codes and types that are documented or were seen. https://platform.openai.com/docs/guides/error-codes */
export const openAiLabels: AgentLabels = {
  transports: ['webrtc', 'websocket'],
  errors: [
    'authentication_error',
    'billing_hard_limit_reached',
    'conversation_already_has_active_response',
    'input_audio_buffer_commit_empty',
    'insufficient_quota',
    'invalid_api_key',
    'invalid_request',
    'invalid_request_error',
    'invalid_tool_call_id',
    'invalid_type',
    'invalid_value',
    'item_create_duplicate_item_id',
    'item_create_invalid_previous_item_id',
    'item_not_found',
    'missing_required_parameter',
    'model_not_found',
    'not_found',
    'permission_denied',
    'rate_limit_exceeded',
    'server_error',
    'server_overloaded',
    'session_expired',
    'token_expired',
    'tokens_limit_exceeded',
    'unknown_parameter',
    'unsupported_country_region_territory',
  ],
};
