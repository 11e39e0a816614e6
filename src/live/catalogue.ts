import type { FlatEvent } from '../records/event.ts';

/**
 * Every type of recorded event in words, for `docs/events.md`. The compiler keeps it whole: an event or a field that is not described here,
 * or described and gone, does not compile.
 */

interface Described<E> {
  readonly says: string;
  readonly fields: Readonly<Record<keyof E, string>>;
}

type Catalogue = { readonly [E in FlatEvent as E['type']]: Described<E['data']> };

const END =
  '`result` (`success`, `caller_error`, `upstream_error`, `server_error`, `indeterminate`), `reason`, and `detail` where there is more to say';

const catalogue = (carriers: readonly string[]): Catalogue => ({
  call_started: {
    says: 'A call begins, before there is anybody on the line.',
    fields: {
      at: 'wall time, ms since 1970',
      direction: '`inbound` or `outbound`',
      info: '`id`, `carrier`, `accountId`, `carrierCallId`, `from`, `to` (numbers, or identities such as `client:alice`; absent when withheld), `callerKind` (of the person on the line: `number`, `identity`, `withheld`), `route`, `prompt`, `model`, `conversationId`, `tenantId`, `afterCall` (true: something is wanted of the call once it is over), `takenFrom` (the instance that prepared the call, where another took it on): what is known of it',
    },
  },
  caller_joined: {
    says: "The caller's media is there.",
    fields: {
      kind: `what carries it: ${[...carriers, 'browser', 'whatsapp', 'livekit', 'bridge', 'test'].map((name) => `\`${name}\``).join(', ')}`,
      again: 'it came back after a break',
    },
  },
  connected: {
    says: 'Both ends are there and speech flows.',
    fields: { audioPath: 'both paths of the audio in words, with codecs and rates' },
  },
  first_agent_audio: {
    says: 'First audio of the agent was written to the caller.',
    fields: { sinceJoinMs: 'ms since the caller joined' },
  },
  turn: {
    says: "A turn of the caller was answered, and the answer's beginning was heard. A turn that the caller takes up again, or whose answer is discarded unheard, is not told. Times are ms since the call began, as `offsetMs`.",
    fields: {
      index: '0, 1, 2, … within the call',
      callerStoppedMs:
        "when the caller really stopped: by the level of the audio, or by the silence that the model's turn detection waits for where the caller is too quiet to measure; missing when neither tells",
      detectedMs: 'the model told that the turn is over',
      responseMs: 'the first response since then began',
      firstAudioMs: 'first audio of the answer came',
      heardMs: 'the caller heard it: playout passed its first sample',
      cushionMs:
        'how much of that is silence that goes before live speech (WebRTC), as much as audio was late within ten minutes; missing where none does',
    },
  },
  barge_in: {
    says: 'The caller spoke over the agent; what lay unplayed was discarded.',
    fields: {
      heard: 'the items in play, oldest first: `itemId`, `contentIndex`, `responseId`, `heardMs` of `writtenMs`',
      clearMs: 'how long discarding took, ms',
    },
  },
  transfer_started: {
    says: 'The caller leaves the agent to be connected to a number. The call is kept until somebody answers there.',
    fields: { n: "which of the call's transfers it is: 1, 2, …", to: 'the number, E.164' },
  },
  transfer_ended: {
    says: 'What became of it, as far as the carrier tells it while the call is kept: the caller comes back where nobody answered.',
    fields: {
      n: 'as in `transfer_started`',
      how: '`completed`: they talked; `busy`, `no-answer`, `failed`, `canceled`: they did not',
      seconds: 'how long they talked, where the carrier tells it',
    },
  },
  audio_alarm: {
    says: 'The model answers, and the caller gets nothing, or near-silence.',
    fields: { kind: '`missing` or `silent`', audioPath: 'as in `connected`' },
  },
  recording_started: {
    says: 'Told before anything is written down; the time of the recording begins here.',
    fields: {
      consent: '`notice`: the caller was told; `operator`: the operator sees to it',
      format: '`wav` or `opus`',
      sampleRate: 'Hz',
    },
  },
  recording_stopped: {
    says: 'The recording is over.',
    fields: {
      reason: '`call-ended`, or what kept the rest from being recorded',
      durationMs: 'how much of the call it has, ms',
    },
  },
  call_moved: {
    says: "The caller's media came to another instance, which tells of the call from now on, under the same id: another `call_started` follows.",
    fields: { to: 'the other instance', durationMs: 'ms' },
  },
  call_ended: {
    says: 'Everything is closed. Told once; only `call_summarized` may follow.',
    fields: { end: END, durationMs: 'ms', counters: 'what the call counted about itself: frames, ms of audio, faults' },
  },
  call_summarized: {
    says: 'What a text model made of the call once it was over, where its prompt asks for it (`afterCall`). It comes after `call_ended`, some seconds later.',
    fields: {
      summary: 'a few sentences, or null',
      outcome: 'one of those that the prompt names, or null',
      fields: 'what the prompt asks for, by name; null: the conversation does not tell',
      model: 'which model',
    },
  },
  'caller.dtmf': {
    says: 'The caller pressed a key.',
    fields: {
      digit: '0-9, `*`, `#`, A-D',
      durationMs: 'where the carrier says it',
      by: 'which of several people, as in `agent.transcript`',
    },
  },
  'caller.text': {
    says: 'The caller wrote a turn in place of saying it.',
    fields: { text: 'the words', by: 'which of several people, as in `agent.transcript`' },
  },
  'caller.participant': {
    says: 'Of a room with several people: somebody came, or left.',
    fields: {
      change: '`joined` or `left`',
      who: '`identity` and `name`, as the room has them',
      kind: '`standard`, `sip`, `connector`; `agent`, `egress`, `ingress` are no people',
    },
  },
  'caller.speaker': {
    says: 'Of such a room: somebody else speaks, or writes, than before.',
    fields: {
      by: '`identity` and `name`',
      before: 'who it was before, the same way',
      told: 'whether the agent was told of it',
    },
  },
  'caller.stream_restarted': { says: 'The carrier began the stream anew; what was queued is gone.', fields: {} },
  'caller.ended': { says: "The caller's side is over.", fields: { end: END } },
  'agent.calling': {
    says: 'Somebody is being called who is to answer, and the caller hears ringing. Told before `agent.ready`.',
    fields: {
      state: '`dialling`: his carrier was asked; `ringing`: his phone rings',
      tone: 'which ringing tone is heard: `north-america` or `europe`',
    },
  },
  'agent.dtmf': {
    says: "A key was pressed at the agent's end, who is at a phone. It is played to the caller.",
    fields: { digit: '0-9, `*`, `#`, A-D', durationMs: 'where the carrier says it' },
  },
  'agent.ready': {
    says: 'The session is confirmed and takes audio.',
    fields: {
      transport: '`webrtc` or `websocket`',
      sessionId: "the model's id of it",
      resumed: 'it was built again in the middle of the call',
    },
  },
  'agent.transport_fallback': {
    says: 'A transport could not be had; another is tried.',
    fields: { from: 'the one', to: 'the other', reason: 'an error code, as in errors.md' },
  },
  'agent.reconnecting': {
    says: 'The session broke and is being built again.',
    fields: { reason: 'an error code' },
  },
  'agent.speech_started': {
    says: "The caller began to speak, as the model's turn detection sees it.",
    fields: {
      itemId: "the turn's item",
      keeps: 'nothing of what the agent said is void for that: two people may speak at once',
    },
  },
  'agent.speech_stopped': {
    says: 'The caller stopped, as the model sees it.',
    fields: { itemId: "the turn's item", silenceMs: 'the silence it waited for, where that is fixed' },
  },
  'agent.response_started': { says: 'The model begins to answer.', fields: { responseId: 'its id' } },
  'agent.answer_delayed': {
    says: 'The caller waits for an answer and hears nothing of it; told again while that goes on.',
    fields: {
      waitedMs: 'how long, ms',
      why: '`model`: it has not come to it; `limits`: it may not answer before its limits allow it again',
    },
  },
  'agent.audio_started': {
    says: 'First audio of an item comes.',
    fields: { responseId: 'whose', itemId: 'which item', contentIndex: 'which part of it' },
  },
  'agent.audio_done': {
    says: 'All audio of the item was written to the caller; much of it may still be unheard.',
    fields: { responseId: 'whose', itemId: 'which item' },
  },
  'agent.response_done': {
    says: 'A response is over.',
    fields: {
      responseId: 'its id',
      status: '`completed`, `cancelled`, `failed`, `incomplete`',
      reason: 'why, where it was not completed',
      usage:
        'tokens: `inputTextTokens`, `inputAudioTokens`, `cachedTokens`, `cachedAudioTokens`, `outputTextTokens`, `outputAudioTokens`',
    },
  },
  'agent.transcript': {
    says: 'Words, of either side. Those that are not final are `transient`: pieces, to be put together by `itemId` until the final text replaces them.',
    fields: {
      role: 'who said it: `caller` or `agent`',
      itemId: 'the item they are of',
      text: 'a piece, or the whole when final; an interrupted answer is cut to what was heard',
      final:
        'whether this is the whole, or all there was of it where the call ended or the session broke in the middle of it',
      by: "of a room with several people, or while an operator speaks: whose words the caller's are, `identity` and `name`, by whose track was heard",
      others: 'who else spoke a good part of them, the same way',
      operator:
        "true where they are no words of the caller's, but those of an operator who spoke with him or whispered; his own page is not told them",
    },
  },
  'agent.tool_call': {
    says: 'The model wants a tool.',
    fields: {
      toolCallId: 'its id',
      name: 'as the model wrote it',
      arguments: 'JSON, as the model wrote it',
      responseId: 'in which response',
    },
  },
  'agent.truncated': {
    says: "The model's record of an interrupted item was cut to what was heard.",
    fields: { itemId: 'which', audioEndMs: 'where, ms of its audio' },
  },
  'agent.rate_limits': {
    says: "What is left of the account's limits.",
    fields: { limits: '`name`, `limit`, `remaining`, `resetMs` of each' },
  },
  'agent.error': {
    says: 'The model reported an error that does not end the session.',
    fields: { code: "the model's code", message: 'its words' },
  },
  'agent.ended': { says: "The agent's side is over.", fields: { end: END } },
  'operator.listen_started': {
    says: 'An operator listens to both sides from now on.',
    fields: { by: 'name', announced: 'the caller was told before' },
  },
  'operator.listen_ended': { says: 'The operator listens no more.', fields: { by: 'name', ms: 'how long' } },
  'operator.whispered': {
    says: 'An operator gave the agent a line that the caller did not hear.',
    fields: { by: 'name', text: 'the line' },
  },
  'operator.whisper_started': {
    says: 'An operator speaks to the agent, and the caller does not hear it.',
    fields: { by: 'name' },
  },
  'operator.whisper_ended': { says: 'That is over.', fields: { by: 'name', ms: 'how long' } },
  'operator.takeover_started': {
    says: "An operator speaks with the caller; the agent is silent. In a recording the operator is on the agent's side.",
    fields: {
      by: 'name',
      announced: 'the caller was told before',
      heard: 'the agent hears them, and knows afterwards what was said; else it is told that it does not',
    },
  },
  'operator.takeover_ended': { says: 'The agent has the caller again.', fields: { by: 'name', ms: 'how long' } },
  'operator.ordered': {
    says: 'An operator ordered something.',
    fields: {
      by: 'name',
      order: '`hangup`, `transfer`, `digits`, `say`, `text`',
      text: 'of `say` and `text`: the words',
      digits: 'how many digits',
    },
  },
  'tool.tool_started': {
    says: 'A tool is run.',
    fields: {
      name: 'its name, `(unknown)` for one that the call does not have',
      toolCallId: 'as in `agent.tool_call`',
    },
  },
  'tool.tool_finished': {
    says: 'A tool has given its result, or failed.',
    fields: {
      name: 'its name',
      toolCallId: 'as in `agent.tool_call`',
      ms: 'how long it took',
      outcome: '`ok`, or what went wrong',
      truncated: 'the result was cut for the model',
      output: 'what the model was given: the result, or the error in words',
    },
  },
  'tool.tool_result_dropped': {
    says: 'A result came when nobody waited for it any more.',
    fields: {
      name: 'its name',
      toolCallId: 'as in `agent.tool_call`',
      ms: 'how long it took',
      why: 'why nobody waited',
    },
  },
});

/** The table of all events, in Markdown. `carriers`: the names of those that the daemon knows. */
export function eventTable(carriers: readonly string[]): string[] {
  const rows = Object.entries(catalogue(carriers)).map(([type, { says, fields }]) => {
    const named = Object.entries(fields).map(([name, what]) => `\`${name}\`: ${what}`);
    return `| \`${type}\` | ${says} | ${named.join('<br>')} |`;
  });
  return ['| type | what happened | data |', '| --- | --- | --- |', ...rows];
}
