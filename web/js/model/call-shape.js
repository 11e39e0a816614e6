/** What is known of one call, as types: `call-state.js` makes it of events. */

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
 * @property {number | null} [cushionMs] of the time until it was heard: silence that goes before live speech
 * @property {number | null} [heardMs]
 *
 * @typedef {{ name: string, fromMs: number, ms: number }} ToolRun since the call began
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
 * @property {string} [by] who of several people it was
 * @property {boolean} [wordless] the call is over and nobody told what was said
 * @property {number} [heardMs] the caller spoke over it, after hearing so much
 * @property {number} [delayMs] of what the agent says: how long the caller waited for it
 * @property {string} [itemId]
 * @property {'info' | 'warning' | 'error' | 'bargeIn' | 'keypad' | 'record' | 'operator'} [mark]
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
 * @property {number} droppedTurns
 * @property {number} turnsRev raised by every change of the turns, or of the tools
 * @property {ToolRun[]} tools runs that are over, the oldest first
 * @property {number} bargeIns
 * @property {number} errors
 * @property {number | undefined} lastErrorMs since the call began
 * @property {number | undefined} talkingFromMs since the call began: both ends are there
 * @property {number | undefined} waitingFromMs since the call began: the caller stopped, and waits for an answer
 * @property {number | undefined} slowMs how long the last answer took
 * @property {number | undefined} heardAt wall time, ms: when anybody was heard last
 * @property {string | undefined} operator who speaks with the caller in the agent's place
 * @property {{ who: string, text: string } | undefined} lastWords
 * @property {number} lastSeq of the events that were applied
 * @property {boolean} complete whether all events from the first on were applied
 * @property {number} maxEntries
 * @property {{ items: Map<string, Entry>, tools: Map<string, Entry> }} index
 */

export {};
