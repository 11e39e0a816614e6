/**
 * What a call counts about itself. The set is closed: each name is a metric label, so a new one is added here and nowhere else.
 */
export const COUNTERS = [
  // Frames, as the caller's carrier sends and takes them.
  'frames_in',
  'frames_out',
  'frames_late',
  'frames_duplicate',
  'frames_reordered',
  'frames_before_start',
  'frames_invalid',
  'ms_filled',
  'ms_dropped_holdback',
  'ms_dropped_flood',
  'ms_dropped_backpressure',
  'ms_dropped_interrupted',
  'ms_cleared',
  'ms_uplink_silence',
  'ms_uplink_dropped',
  // Messages that could not be used.
  'message_malformed',
  'message_unknown',
  'message_flood',
  'mark_unknown',
  'mark_expired',
  'stream_restarted',
  'line_on_hold',
  // The model's side.
  'model_event_unknown',
  'model_event_malformed',
  'model_error',
  'model_retry',
  'model_reconnect',
  'transport_fallback',
  'response_superseded',
  // Answers that the caller did not hear, and why.
  'answer_unheard',
  'answer_text_only',
  'answer_empty',
  'answer_no_audio',
  'answer_incomplete',
  'answer_failed',
  'answer_cancelled',
  'answer_not_played',
  'answer_slow',
  'answer_delayed',
  'speech_end_lost',
  'barge_in',
  // What operators did: listened in, whispered, spoke with the caller themselves.
  'operator_listen',
  'operator_whisper',
  'operator_takeover',
  'tool_result_dropped',
  'tool_call_dropped',
  // What the agent cannot take: typed turns, keys.
  'turn_not_taken',
  // The watchdog's findings.
  'agent_audio_missing',
  'agent_audio_silent',
  'observer_failed',
  'tap_failed',
  'close_stuck',
  // Bugs of ours that stopped at the call's boundary.
  'call_bug',
] as const;

export type Counter = (typeof COUNTERS)[number];

/** Adds `n` (1 when left out) to a counter of this call. Never throws. */
export type Count = (counter: Counter, n?: number) => void;
