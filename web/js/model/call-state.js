import { answerMs } from './attention.js';
import { entriesOf } from './entries.js';

/**
 * What is known of one call, made of its events alone: the same for a call that goes on and for one that is read from the records. Events
 * change it in place; every change raises `rev`, and an entry's own `rev` where the entry changed, so that a view redraws only that.
 */

/**
 * @typedef {import('./call-shape.js').RecordedEvent} RecordedEvent
 * @typedef {import('./call-shape.js').Phase} Phase
 * @typedef {import('./call-shape.js').Turn} Turn
 * @typedef {import('./call-shape.js').ToolRun} ToolRun
 * @typedef {import('./call-shape.js').Entry} Entry
 * @typedef {import('./call-shape.js').CallState} CallState
 */

/** Turns and runs of tools that are kept of one call, the newest; what is left out is counted. */
const MAX_TURNS = 2_000;
/** Lines of its conversation that are kept, the newest: of a call of hours none is left out, and all of two hundred calls fit into a page. */
const MAX_ENTRIES = 3_000;

/**
 * @param {string} id
 * @param {{ maxEntries?: number, startedAt?: number }} [options]
 * @returns {CallState}
 */
export function newCall(id, { maxEntries = MAX_ENTRIES, startedAt = Date.now() } = {}) {
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
    droppedTurns: 0,
    turnsRev: 0,
    tools: [],
    bargeIns: 0,
    errors: 0,
    lastErrorMs: undefined,
    talkingFromMs: undefined,
    waitingFromMs: undefined,
    slowMs: undefined,
    heardAt: undefined,
    operator: undefined,
    lastWords: undefined,
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
      state.talkingFromMs ??= event.offsetMs;
      state.audioPath = data['audioPath'];
      break;
    case 'agent.ready':
      state.transport = data['transport'];
      if (state.phase === 'held') state.phase = 'talking';
      break;
    case 'agent.reconnecting':
      state.phase = 'held';
      state.waitingFromMs = undefined;
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
      state.turnsRev += 1;
      state.slowMs = answerMs(/** @type {Turn} */ (data));
      break;
    case 'tool.tool_finished': {
      const { name, ms = 0 } = data;
      state.tools.push({ name, ms, fromMs: event.offsetMs - ms });
      if (state.tools.length > MAX_TURNS) state.tools.shift();
      state.turnsRev += 1;
      break;
    }
    case 'barge_in':
      state.bargeIns += 1;
      break;
    case 'agent.error':
    case 'audio_alarm':
      state.errors += 1;
      state.lastErrorMs = event.offsetMs;
      break;
    case 'agent.transcript':
      if (data['text'] !== '') hear(state, event.at);
      if (data['final'] && data['text'] !== '') state.lastWords = { who: whoOf(data), text: data['text'] };
      break;
    case 'agent.speech_stopped':
      state.waitingFromMs = event.offsetMs - (data['silenceMs'] ?? 0);
      hear(state, event.at);
      break;
    case 'agent.speech_started':
    case 'agent.audio_started':
      state.waitingFromMs = undefined;
      hear(state, event.at);
      break;
    case 'agent.audio_done':
      hear(state, event.at);
      break;
    case 'operator.takeover_started':
      state.operator = data['by'];
      break;
    case 'operator.takeover_ended':
      state.operator = undefined;
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
      state.waitingFromMs = undefined;
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
 * Somebody was heard.
 * @param {CallState} state
 * @param {number} at wall time, ms
 */
export function hear(state, at) {
  state.heardAt = Math.max(state.heardAt ?? 0, at);
}

/** Who says words, for a line of its own: an operator's stand where the caller's do. @param {Record<string, any>} data */
function whoOf(data) {
  if (data['role'] === 'agent') return 'Agent';
  return data['operator'] === true ? (data['by']?.name ?? 'Operator') : 'Caller';
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
  if (state.turns.length > MAX_TURNS) {
    state.turns.shift();
    state.droppedTurns += 1;
  }
  putDelay(state, state.turns.at(at));
}

/** How far an item's beginning and the first audio of its turn may be apart, ms: both tell of the same sound. */
const SAME_MS = 150;

/**
 * Writes how long the caller waited to what he waited for.
 * @param {CallState} state
 * @param {Turn | undefined} turn
 */
function putDelay(state, turn) {
  const { firstAudioMs, heardMs } = turn ?? {};
  const from = turn?.callerStoppedMs ?? turn?.detectedMs;
  if (firstAudioMs == null || heardMs == null || from == null) return;
  const answer = state.entries.findLast(
    (entry) => entry.role === 'agent' && Math.abs(entry.atMs - firstAudioMs) <= SAME_MS,
  );
  if (answer === undefined) return;
  answer.delayMs = Math.max(0, heardMs - from);
  answer.rev = state.rev;
}

/** How long the call has been going on, ms. @param {CallState} state @param {number} now */
export function elapsedMs(state, now) {
  return state.phase === 'ended' ? (state.durationMs ?? 0) : Math.max(0, now - state.startedAt);
}
