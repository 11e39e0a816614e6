import type { AgentEvent, ResponseStatus, Usage } from '../../call/events.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { classifyModelCode } from '../common/http.ts';
import { reasonOf } from '../common/termination.ts';
import type { ServerEvent } from './events.ts';

/** What the model's words for its ends and failures mean to a call. Pure. */

export type WireResponse = Extract<ServerEvent, { type: 'response.done' }>['response'];

export function responseDoneEvent(response: WireResponse): Extract<AgentEvent, { type: 'response_done' }> {
  const reason = response.status_details?.reason ?? response.status_details?.error?.code ?? undefined;
  return {
    type: 'response_done',
    responseId: response.id,
    status: statusOf(response.status),
    ...(reason === undefined ? {} : { reason }),
    ...(response.usage === null || response.usage === undefined ? {} : { usage: usageOf(response.usage) }),
  };
}

function statusOf(status: string): ResponseStatus {
  return status === 'completed' || status === 'cancelled' || status === 'failed' ? status : 'incomplete';
}

function usageOf(usage: NonNullable<WireResponse['usage']>): Usage {
  const cachedAudio = usage.input_token_details.cached_tokens_details?.audio_tokens;
  return {
    inputTextTokens: usage.input_token_details.text_tokens,
    inputAudioTokens: usage.input_token_details.audio_tokens,
    cachedTokens: usage.input_token_details.cached_tokens,
    ...(cachedAudio === undefined ? {} : { cachedAudioTokens: cachedAudio }),
    outputTextTokens: usage.output_token_details.text_tokens,
    outputAudioTokens: usage.output_token_details.audio_tokens,
  };
}

/** Why a response failed; undefined when it did not. `final`: another would fail the same way. */
export function responseFailure(response: WireResponse): { end: Termination; final: boolean } | undefined {
  if (response.status !== 'failed') return undefined;
  const error = response.status_details?.error;
  const code = classifyModelCode(error?.code, error?.type) ?? 'MODEL_UNAVAILABLE';
  return {
    end: termination(reasonOf(code), `a response failed with ${error?.code ?? error?.type ?? 'no reason given'}`),
    final: code === 'MODEL_AUTH' || code === 'MODEL_QUOTA',
  };
}

export function rateLimitsEvent(
  limits: Extract<ServerEvent, { type: 'rate_limits.updated' }>['rate_limits'],
): Extract<AgentEvent, { type: 'rate_limits' }> {
  return {
    type: 'rate_limits',
    limits: limits.map((entry) => ({
      name: entry.name,
      limit: entry.limit,
      remaining: entry.remaining,
      resetMs: entry.reset_seconds * 1000,
    })),
  };
}

const LOST_RACES = new Set([
  'response_cancel_not_active',
  'item_truncate_invalid_item_id',
  'input_audio_buffer_commit_empty',
]);
/** The same, where the API says it in words only. */
const RACED_TRUNCATION = /already shorter than|audio messages can be truncated/i;

/** Whether an error only says that a cancel or truncation came after the fact: it harms nothing and is not reported. */
export function isLostRace(code: string, message: string): boolean {
  return LOST_RACES.has(code) || RACED_TRUNCATION.test(message);
}
