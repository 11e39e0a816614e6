import { phoneNumber } from '../lib/format.js';
import { recordingStopWords, transferWords, transportWords } from './words.js';

/**
 * @typedef {import('./call-shape.js').CallState} CallState
 * @typedef {import('./call-shape.js').Entry} Entry
 * @typedef {import('./call-shape.js').RecordedEvent} RecordedEvent
 * @typedef {Extract<RecordedEvent, { data: { toolCallId: string } }>} OfTool
 */

/**
 * Puts what an event means for the conversation into the state's entries.
 * @param {CallState} state
 * @param {RecordedEvent} event
 */
export function entriesOf(state, event) {
  switch (event.type) {
    case 'agent.speech_started':
      // The caller's words are known long after they were said: their place is kept from when the caller began.
      if (event.data['itemId'] !== undefined) speech(state, event, 'caller', event.data['itemId']);
      break;
    case 'agent.audio_started':
      speech(state, event, 'agent', event.data['itemId']);
      break;
    case 'agent.transcript': {
      const entry = speech(state, event, event.data['role'], event.data['itemId']);
      // A piece that comes after the whole belongs to what the whole replaced.
      if (entry.final && !event.data['final']) break;
      entry.text = event.data['final'] ? event.data['text'] : (entry.text ?? '') + event.data['text'];
      entry.final = Boolean(event.data['final']);
      if (event.data['by'] !== undefined) entry.by = namesOf(event.data['by'], event.data['others']);
      touch(state, entry);
      break;
    }
    case 'agent.tool_call':
      Object.assign(tool(state, event), { args: String(event.data['arguments'] ?? '') });
      break;
    case 'tool.tool_started':
      tool(state, event);
      break;
    case 'tool.tool_finished':
    case 'tool.tool_result_dropped':
      finishTool(state, event);
      break;
    case 'barge_in':
      bargeIn(state, event);
      break;
    case 'caller.text':
      add(state, {
        key: `typed-${event.seq}`,
        kind: 'speech',
        atMs: event.offsetMs,
        role: 'caller',
        typed: true,
        text: String(event.data['text'] ?? ''),
        final: true,
        ...(event.data['by'] === undefined ? {} : { by: namesOf(event.data['by']) }),
      });
      break;
    case 'call_ended':
      for (const entry of state.entries) {
        if (entry.kind !== 'speech' || entry.text !== '') continue;
        entry.wordless = true;
        touch(state, entry);
      }
      break;
    default: {
      const mark = markOf(event);
      if (mark !== undefined) add(state, { key: `mark-${event.seq}`, kind: 'mark', atMs: event.offsetMs, ...mark });
    }
  }
}

/**
 * What an event that is neither speech nor a tool says, if it is worth a line.
 * @param {RecordedEvent} event
 * @returns {Pick<Entry, 'mark' | 'text'> | undefined}
 */
function markOf({ type, data }) {
  switch (type) {
    case 'caller_joined':
      return { mark: 'info', text: data['again'] ? 'The caller is back on the line' : 'The caller joined' };
    case 'agent.ready':
      return {
        mark: 'info',
        text: `The agent is ${data['resumed'] ? 'back' : 'ready'} over ${transportWords(data['transport'])}`,
      };
    case 'agent.transport_fallback': {
      const [from, to] = [transportWords(data['from']), transportWords(data['to'])];
      return { mark: 'warning', text: `${from} could not be had (${data['reason']}), trying ${to}` };
    }
    case 'agent.reconnecting':
      return { mark: 'warning', text: `The model’s session broke (${data['reason']}) and is being built again` };
    case 'agent.error':
      return {
        mark: 'error',
        text: `The model reported an error: ${data['message'] || data['code']} (${data['code']})`,
      };
    case 'audio_alarm':
      return {
        mark: 'error',
        text: `The caller hears ${data['kind'] === 'missing' ? 'nothing' : 'near-silence'} though the model answers`,
      };
    case 'caller.dtmf':
      return { mark: 'keypad', text: `${data['by']?.name ?? 'The caller'} pressed ${data['digit']}` };
    case 'caller.participant':
      return {
        mark: 'info',
        text: `${data['who']?.name ?? 'Somebody'} ${data['change'] === 'left' ? 'left' : 'came'}`,
      };
    case 'operator.listen_started':
      return { mark: 'operator', text: `${data['by']} listens in${data['announced'] ? '; the caller was told' : ''}` };
    case 'operator.listen_ended':
      return { mark: 'operator', text: `${data['by']} listens no more` };
    case 'operator.whispered':
      return { mark: 'operator', text: `${data['by']} whispered to the agent: “${data['text']}”` };
    case 'operator.whisper_started':
      return { mark: 'operator', text: `${data['by']} whispers to the agent` };
    case 'operator.takeover_started':
      return {
        mark: 'operator',
        text: `${data['by']} speaks with the caller${data['announced'] ? ', who was told' : ''}; the agent ${data['heard'] ? 'listens' : 'hears nothing'}`,
      };
    case 'operator.takeover_ended':
      return { mark: 'operator', text: `${data['by']} handed back after ${Math.round((data['ms'] ?? 0) / 1000)} s` };
    case 'operator.ordered':
      return { mark: 'operator', text: `${data['by']} ${orderWords(data)}` };
    case 'caller.ended':
      return data['end']?.reason === 'media-lost' ? { mark: 'warning', text: 'The caller’s line broke' } : undefined;
    case 'caller.stream_restarted':
      return { mark: 'warning', text: 'The carrier began its stream anew' };
    case 'transfer_started':
      return { mark: 'info', text: `The caller is being connected to ${phoneNumber(data['to'])}` };
    case 'transfer_ended':
      return data['how'] === 'completed'
        ? { mark: 'info', text: 'The caller was connected, and that talk is over' }
        : { mark: 'warning', text: `The caller was not connected: ${transferWords(data['how'])}` };
    case 'recording_started':
      return { mark: 'record', text: 'Recording began' };
    case 'recording_stopped':
      return data['reason'] === 'call-ended'
        ? undefined
        : { mark: 'record', text: `Recording stopped: ${recordingStopWords(data['reason'])}` };
    case 'agent.response_done':
      return data['status'] === 'failed' || data['status'] === 'incomplete'
        ? {
            mark: 'error',
            text: `An answer of the model ${data['status']}${data['reason'] ? `: ${data['reason']}` : ''}`,
          }
        : undefined;
    default:
      return undefined;
  }
}

/**
 * What an operator ordered, in words behind the name.
 * @param {{ order: string, text?: string, digits?: number }} data
 */
function orderWords({ order, text = '', digits = 0 }) {
  if (order === 'say') return `had the agent say: “${text}”`;
  if (order === 'text') return 'wrote in the caller’s place';
  if (order === 'digits') return `had ${digits} ${digits === 1 ? 'digit' : 'digits'} played`;
  return order === 'transfer' ? 'transferred the caller' : 'hung up';
}

/**
 * Who of several people said something: whoever was heard most, and who spoke with him.
 * @param {{ name: string }} by
 * @param {ReadonlyArray<{ name: string }>} [others]
 */
function namesOf(by, others = []) {
  return [by, ...others].map(({ name }) => name).join(', with ');
}

/**
 * The entry of what is said in an item; made where there is none.
 * @param {CallState} state
 * @param {RecordedEvent} event
 * @param {'caller' | 'agent'} role
 * @param {string} itemId
 */
function speech(state, event, role, itemId) {
  const known = state.index.items.get(itemId);
  if (known !== undefined) return known;
  const entry = add(state, {
    key: `item-${itemId}`,
    kind: 'speech',
    atMs: event.offsetMs,
    role,
    itemId,
    text: '',
    final: false,
  });
  state.index.items.set(itemId, entry);
  return entry;
}

/**
 * @param {CallState} state
 * @param {OfTool} event
 */
function tool(state, event) {
  const { name, toolCallId: id } = event.data;
  const known = state.index.tools.get(id);
  if (known !== undefined) {
    touch(state, known);
    return known;
  }
  const entry = add(state, {
    key: `tool-${id}`,
    kind: 'tool',
    atMs: event.offsetMs,
    name,
    toolCallId: id,
    status: 'running',
  });
  state.index.tools.set(id, entry);
  return entry;
}

/**
 * @param {CallState} state
 * @param {Extract<OfTool, { type: 'tool.tool_finished' | 'tool.tool_result_dropped' }>} event
 */
function finishTool(state, event) {
  const entry = tool(state, event);
  entry.ms = event.data.ms;
  if (event.type === 'tool.tool_result_dropped') {
    entry.status = 'dropped';
    entry.outcome = event.data.why;
    return;
  }
  const { output, outcome } = event.data;
  if (output !== undefined) entry.output = output;
  if (entry.status === 'dropped') return;
  entry.status = outcome === 'ok' ? 'ok' : 'failed';
  entry.outcome = outcome;
}

/**
 * Marks what was spoken over, where it was heard at all, and says that the caller cut in.
 * @param {CallState} state
 * @param {Extract<RecordedEvent, { type: 'barge_in' }>} event
 */
function bargeIn(state, event) {
  const { heard = [], clearMs } = event.data;
  let heardMs = 0;
  for (const item of heard) {
    heardMs += item.heardMs;
    const entry = state.index.items.get(item.itemId);
    if (entry === undefined) continue;
    entry.heardMs = item.heardMs;
    touch(state, entry);
  }
  const stopped = clearMs === undefined ? '' : `; the agent was cut off within ${Math.max(1, Math.ceil(clearMs))} ms`;
  add(state, {
    key: `mark-${event.seq}`,
    kind: 'mark',
    atMs: event.offsetMs,
    mark: 'bargeIn',
    text: `The caller cut in after hearing ${(heardMs / 1000).toFixed(1)} s${stopped}`,
  });
}

/** @param {CallState} state @param {Entry} entry */
function touch(state, entry) {
  entry.rev = state.rev;
}

/**
 * Adds an entry; the oldest make room for it.
 * @param {CallState} state
 * @param {Omit<Entry, 'rev'>} fields
 * @returns {Entry}
 */
function add(state, fields) {
  const entry = { ...fields, rev: state.rev };
  state.entries.push(entry);
  while (state.entries.length > state.maxEntries) {
    const gone = state.entries.shift();
    state.dropped += 1;
    if (gone?.itemId !== undefined) state.index.items.delete(gone.itemId);
    if (gone?.toolCallId !== undefined) state.index.tools.delete(gone.toolCallId);
  }
  return entry;
}
