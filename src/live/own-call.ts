import type { RecordedEvent } from '../records/event.ts';

/**
 * What a party to a call (a page, somebody else's program) is told of it, of all that is recorded: what happens, said and done in the
 * conversation. What the daemon is made of (routes, audio paths, counters) is not its matter.
 */

/** Fields that are told, by type of event. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  caller_joined: ['again'],
  connected: [],
  barge_in: [],
  turn: ['index', 'callerStoppedMs', 'detectedMs', 'responseMs', 'firstAudioMs', 'heardMs', 'cushionMs'],
  recording_started: ['consent'],
  recording_stopped: ['reason'],
  'caller.text': ['text'],
  'caller.dtmf': ['digit'],
  'agent.ready': ['transport', 'resumed'],
  'agent.transport_fallback': ['from', 'to', 'reason'],
  'agent.reconnecting': ['reason'],
  'agent.speech_started': ['itemId'],
  'agent.speech_stopped': ['itemId'],
  'agent.response_started': ['responseId'],
  'agent.response_done': ['responseId', 'status', 'reason'],
  'agent.audio_started': ['responseId', 'itemId'],
  'agent.audio_done': ['responseId', 'itemId'],
  'agent.transcript': ['role', 'itemId', 'text', 'final'],
  'agent.tool_call': ['toolCallId', 'name', 'responseId'],
  'agent.error': ['code'],
  'tool.tool_started': ['name', 'toolCallId'],
  'tool.tool_finished': ['name', 'toolCallId', 'ms', 'outcome'],
};

/** More, for an operator: what the model hands to tools may name other people, and what a provider says of an error names whose account it is, and what that may. */
const OPERATOR: Readonly<Record<string, readonly string[]>> = {
  'agent.tool_call': ['arguments'],
  'agent.error': ['message'],
};

/** The message, as JSON; undefined for what is not told. */
export function ownCallEvent(record: RecordedEvent, operator: boolean): string | undefined {
  const told = TOLD[record.type];
  if (told === undefined) return undefined;
  const fields = operator ? [...told, ...(OPERATOR[record.type] ?? [])] : told;
  const data = Object.fromEntries(fields.flatMap((key) => (key in record.data ? [[key, record.data[key]]] : [])));
  // What an operator said stands where the caller's words do, and may have been for the agent alone.
  if (record.type === 'agent.transcript' && record.data['operator'] === true) data['text'] = '';
  const { id, seq, at, offsetMs, type } = record;
  return JSON.stringify({ type: 'event', event: { id, seq, at, offsetMs, type, data } });
}
