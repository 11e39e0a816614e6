import { wireId } from './wire-ids.ts';

/**
 * The client events that the leg sends, as JSON text. Audio is not among them: its one message is built on the hot path. Ids are given as
 * the call knows them (wire-ids.ts) and sent as the server does.
 * https://platform.openai.com/docs/api-reference/realtime-client-events
 */

/** A turn of the conversation as text. */
export interface TextTurn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly text: string;
}

export function sessionUpdateMessage(eventId: string, session: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type: 'session.update', event_id: eventId, session });
}

/** `response` holds what this one response does differently; undefined asks for one as the session has it. */
export function responseCreate(eventId: string, response?: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    type: 'response.create',
    event_id: eventId,
    ...(response === undefined ? {} : { response }),
  });
}

/** Names the response, so that a late cancel can never hit the next one. */
export function responseCancel(responseId: string | undefined): string {
  const id = responseId === undefined ? undefined : wireId(responseId);
  return JSON.stringify({ type: 'response.cancel', ...(id === undefined ? {} : { response_id: id }) });
}

/** WebRTC only: empties the server's play-out buffer. */
export function outputAudioClear(): string {
  return '{"type":"output_audio_buffer.clear"}';
}

/** Ends the caller's turn by hand. */
export function inputAudioCommit(): string {
  return '{"type":"input_audio_buffer.commit"}';
}

/** `audioEndMs` is whole milliseconds; more than the item's length is an error of the model's. */
export function itemTruncate(itemId: string, contentIndex: number, audioEndMs: number): string {
  return JSON.stringify({
    type: 'conversation.item.truncate',
    item_id: wireId(itemId) ?? itemId,
    content_index: contentIndex,
    audio_end_ms: audioEndMs,
  });
}

/** What an assistant said is `output_text` in GA and `text` in the beta; all other text is input. `id` is ours where an answer depends on it. */
export function textItem(turn: TextTurn, beta: boolean, id?: string): string {
  const type = turn.role === 'assistant' ? (beta ? 'text' : 'output_text') : 'input_text';
  return createItem({ type: 'message', role: turn.role, content: [{ type, text: turn.text }] }, id);
}

export function functionCallItem(callId: string, name: string, args: string): string {
  return createItem({ type: 'function_call', call_id: wireId(callId) ?? callId, name, arguments: args });
}

export function functionOutputItem(callId: string, output: string, id?: string): string {
  return createItem({ type: 'function_call_output', call_id: wireId(callId) ?? callId, output }, id);
}

function createItem(item: Readonly<Record<string, unknown>>, id?: string): string {
  return JSON.stringify({ type: 'conversation.item.create', item: id === undefined ? item : { id, ...item } });
}
