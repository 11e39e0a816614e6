import { entriesOf } from './entries.js';

/**
 * What is known of one call, made of its events alone: the same for a call that goes on and for one that is read from the records. Events
 * change it in place; every change raises `rev`, and an entry's own `rev` where the entry changed, so that a view redraws only that.
 */

/**
 * @typedef {import('../../../src/records/event.ts').KnownEvent} RecordedEvent
 *
 * @typedef {'ringing' | 'connecting' | 'talking' | 'held' | 'ended'} Phase
 *
 * @typedef {object} Turn One exchange; all times are ms since the call began, undefined or null what did not happen (yet).
 * @property {number} index
 * @property {number | null} [callerStoppedMs]
 * @property {number | null} [detectedMs]
 * @property {number | null} [responseMs]
 * @property {number | null} [firstAudioMs]
 * @property {number | null} [heardMs]
 *
 * @typedef {object} Entry One line of the conversation.
 * @property {string} key
 * @property {'speech' | 'tool' | 'mark'} kind
 * @property {number} atMs since the call began
 * @property {number} rev
 * @property {'caller' | 'agent'} [role] who spoke
 * @property {string} [text]
 * @property {boolean} [final]
 * @property {boolean} [typed] written in place of spoken
 * @property {boolean} [wordless] the call is over and nobody told what was said
 * @property {number} [heardMs] the caller spoke over it, after hearing so much
 * @property {string} [itemId]
 * @property {'info' | 'warning' | 'error' | 'bargeIn' | 'keypad' | 'record'} [mark]
 * @property {string} [name] of a tool
 * @property {string} [toolCallId]
 * @property {string} [args]
 * @property {'running' | 'ok' | 'failed' | 'dropped'} [status]
 * @property {string} [outcome]
 * @property {number} [ms]
 * @property {string} [output]
 *
 * @typedef {object} CallState
 * @property {string} id
 * @property {number} rev
 * @property {Phase} phase
 * @property {Record<string, any>} info
 * @property {number} startedAt wall time, ms
 * @property {string | undefined} transport
 * @property {string | undefined} audioPath
 * @property {boolean} recording
 * @property {number | undefined} recordingFromMs since the call began
 * @property {number | undefined} firstAudioMs after the caller joined
 * @property {{ result: string, reason: string, detail?: string } | undefined} end
 * @property {number | undefined} endedAt wall time, ms
 * @property {number | undefined} durationMs
 * @property {Entry[]} entries the oldest first
 * @property {number} dropped entries that were left out at the beginning
 * @property {Turn[]} turns the oldest first
 * @property {number} bargeIns
 * @property {number} errors
 * @property {number} lastSeq of the events that were applied
 * @property {boolean} complete whether all events from the first on were applied
 * @property {number} maxEntries
 * @property {{ items: Map<string, Entry>, tools: Map<string, Entry> }} index
 */

const MAX_TURNS = 200;

/**
 * @param {string} id
 * @param {{ maxEntries?: number, startedAt?: number }} [options]
 * @returns {CallState}
 */
export function newCall(id, { maxEntries = 400, startedAt = Date.now() } = {}) {
  return {
    id,
    rev: 0,
    phase: 'ringing',
    info: {},
    startedAt,
    transport: undefined,
    audioPath: undefined,
    recording: false,
    recordingFromMs: undefined,
    firstAudioMs: undefined,
    end: undefined,
    endedAt: undefined,
    durationMs: undefined,
    entries: [],
    dropped: 0,
    turns: [],
    bargeIns: 0,
    errors: 0,
    lastSeq: -1,
    complete: false,
    maxEntries,
    index: { items: new Map(), tools: new Map() },
  };
}

/**
 * The state after all these events; events out of order or told twice do no harm.
 * @param {string} id
 * @param {ReadonlyArray<RecordedEvent>} events
 * @param {{ maxEntries?: number }} [options]
 */
export function callFrom(id, events, options = {}) {
  const sorted = events.toSorted((a, b) => a.seq - b.seq);
  const state = newCall(id, { ...options, startedAt: sorted[0]?.at ?? Date.now() });
  for (const event of sorted) applyEvent(state, event);
  return state;
}

/**
 * @param {CallState} state
 * @param {RecordedEvent} event
 * @returns {boolean} whether it was news
 */
export function applyEvent(state, event) {
  if (event.seq <= state.lastSeq) return false;
  if (state.lastSeq < 0) {
    state.complete = event.seq === 0;
    // The first event that is seen dates the call, also when it is not the first one.
    state.startedAt = event.at - event.offsetMs;
  }
  state.lastSeq = event.seq;
  state.rev += 1;
  // Both at once: the type tells which fields there are.
  const { type, data } = event;
  switch (type) {
    case 'call_started':
      state.info = { ...data['info'], direction: data['direction'] ?? data['info']?.direction };
      break;
    case 'caller_joined':
      if (state.phase !== 'talking') state.phase = 'connecting';
      break;
    case 'connected':
      state.phase = 'talking';
      state.audioPath = data['audioPath'];
      break;
    case 'agent.ready':
      state.transport = data['transport'];
      if (state.phase === 'held') state.phase = 'talking';
      break;
    case 'agent.reconnecting':
      state.phase = 'held';
      break;
    case 'caller.ended':
      // Whoever lost the line may come back; any other end of the caller's side is the call's.
      if (data['end']?.reason === 'media-lost') state.phase = 'held';
      break;
    case 'transfer_started':
      state.phase = 'held';
      break;
    case 'first_agent_audio':
      state.firstAudioMs = data['sinceJoinMs'];
      break;
    case 'turn':
      putTurn(state, /** @type {Turn} */ (data));
      break;
    case 'barge_in':
      state.bargeIns += 1;
      break;
    case 'agent.error':
    case 'audio_alarm':
      state.errors += 1;
      break;
    case 'recording_started':
      state.recording = true;
      state.recordingFromMs ??= event.offsetMs;
      break;
    case 'recording_stopped':
      state.recording = false;
      break;
    case 'call_ended':
      state.phase = 'ended';
      state.recording = false;
      state.end = data['end'];
      state.endedAt = event.at;
      state.durationMs = data['durationMs'] ?? event.offsetMs;
      break;
  }
  // A first event of speech shows that the call goes on, where its beginning was not seen.
  if (!state.complete && state.phase === 'ringing' && event.type.startsWith('agent.')) state.phase = 'talking';
  entriesOf(state, event);
  return true;
}

/**
 * A turn is told as it grows or once at its end; the last word on an index counts.
 * @param {CallState} state
 * @param {Turn} turn
 */
function putTurn(state, turn) {
  const at = state.turns.findLastIndex((known) => known.index === turn.index);
  if (at >= 0) state.turns[at] = { ...state.turns[at], ...turn };
  else state.turns.push({ ...turn });
  if (state.turns.length > MAX_TURNS) state.turns.shift();
}

/** How long the call has been going on, ms. @param {CallState} state @param {number} now */
export function elapsedMs(state, now) {
  return state.phase === 'ended' ? (state.durationMs ?? 0) : Math.max(0, now - state.startedAt);
}
