import type { CallInfo } from './info.ts';
import type { Termination } from './termination.ts';
import type { TransferEnd } from './transfer.ts';

/**
 * Everything that legs and the call tell, as closed unions: adding an event breaks every switch that must know it.
 * All times named `...Ms` are milliseconds.
 */

/**
 * How an agent's audio comes: `live`, in real time and silence included, so that nothing of it can be sent ahead; or in bursts, an answer faster
 * than it can be spoken and nothing between answers.
 */
export type Pace = 'live' | 'burst';

/** One of several people on a caller's line, as the far end names them: a claim. */
export interface Participant {
  /** Unique on this line at any moment. */
  readonly identity: string;
  /** For display: one line, never empty. */
  readonly name: string;
}

/** What a caller's leg tells its call. Audio does not pass here: it goes by the leg's sink. */
export type CallerEvent =
  /** A digit the caller pressed: 0-9, *, #, A-D. `durationMs` where the carrier says it, `by` where several people are on the line. */
  | { type: 'dtmf'; digit: string; durationMs?: number; by?: Participant }
  /** A typed turn: what the caller wrote in place of saying it. `by` as above. */
  | { type: 'text'; text: string; by?: Participant }
  /** Of a line with several people: somebody came to it, or left it. `kind` says by which way, from a small fixed set of the leg's. */
  | { type: 'participant'; change: 'joined' | 'left'; who: Participant; kind: string }
  /** Of such a line: somebody else speaks, or writes, than before. `told`: the agent is to be told of it. */
  | { type: 'speaker'; by: Participant; before?: Participant; told: boolean }
  /** The carrier began the stream anew (a second `start`): what was queued is gone, positions begin again. */
  | { type: 'stream_restarted' }
  /** The caller's side is over: hung up, lost, or closed by us for a reason. Told once, last. */
  | { type: 'ended'; end: Termination };

/** What a model is called that stands in for one, to try things out: nobody is billed for what it says. */
export const SIMULATED_MODEL = 'simulated';

/** Token counts of one response, as the model bills them. */
export interface Usage {
  readonly inputTextTokens: number;
  readonly inputAudioTokens: number;
  /** Of the input, what was billed as cached. */
  readonly cachedTokens: number;
  /** Of `cachedTokens` those of audio, where the model says so. */
  readonly cachedAudioTokens?: number;
  readonly outputTextTokens: number;
  readonly outputAudioTokens: number;
}

export type ResponseStatus = 'completed' | 'cancelled' | 'failed' | 'incomplete';

/** Why an answer is not there yet: the model has not come to it, or it may not answer before its limits allow it again. */
export type AnswerDelay = 'model' | 'limits';

/** How far the calling of somebody has come: his carrier was asked, or his phone rings. */
export type CallingState = 'dialling' | 'ringing';

/** Which ringing tone is heard where he is (ITU-T E.180, supplement 2): that of North America, or that of Europe and of most others. */
export type RingingTone = 'north-america' | 'europe';

/** What an agent's leg tells its call. */
export type AgentEvent =
  /**
   * Somebody is called who is to answer: told before `ready`, as his network tells how that goes, and never again behind it. The caller hears the ringing
   * tone of where it rings.
   */
  | { type: 'calling'; state: CallingState; tone: RingingTone }
  /**
   * Confirmed and able to take audio. Told again after a reconnect, with `resumed`. `transport` names what carries the session, from a small fixed
   * set of the leg's ("webrtc", "websocket"): a metric label.
   */
  | { type: 'ready'; transport: string; pace: Pace; sessionId: string; resumed: boolean }
  /** One transport could not be had; another is being tried. `reason` is an error code. */
  | { type: 'transport_fallback'; from: string; to: string; reason: string }
  /** The session broke in the middle of a call and is being built again. */
  | { type: 'reconnecting'; reason: string }
  /**
   * The caller began to speak, as the model's turn detection sees it. `keeps`: nothing of what the agent said is void for that, since it fell silent by itself or
   * goes on: two people may speak at once.
   */
  | { type: 'speech_started'; itemId?: string; keeps?: true }
  /** `silenceMs`: the silence after the last word that the model waited for before it told this, where that is fixed. */
  | { type: 'speech_stopped'; itemId?: string; silenceMs?: number }
  /** The caller has waited so long for an answer and hears nothing; told again while that goes on. */
  | { type: 'answer_delayed'; waitedMs: number; why: AnswerDelay }
  | { type: 'response_started'; responseId: string }
  /** Told synchronously before the first frame of the item is written to the caller's sink. */
  | { type: 'audio_started'; responseId: string; itemId: string; contentIndex: number }
  /** All audio of the item was written. */
  | { type: 'audio_done'; responseId: string; itemId: string }
  | { type: 'response_done'; responseId: string; status: ResponseStatus; reason?: string; usage?: Usage }
  /**
   * Words; `final` replaces what the deltas of the same item said. Of the words of a line with several people the line knows whose they are: `by` is
   * whoever was heard most, `others` who spoke a good part of them as well. `operator`: they are an operator's, who spoke where the caller does.
   */
  | {
      type: 'transcript';
      role: 'caller' | 'agent';
      itemId: string;
      text: string;
      final: boolean;
      by?: Participant;
      others?: readonly Participant[];
      operator?: true;
    }
  | { type: 'tool_call'; toolCallId: string; name: string; arguments: string; responseId: string }
  /** A key that was pressed at the agent's end: 0-9, *, #, A-D. It is played to the caller. */
  | { type: 'dtmf'; digit: string; durationMs?: number }
  /** The model's record of what was heard was cut at `audioEndMs`. */
  | { type: 'truncated'; itemId: string; audioEndMs: number }
  | { type: 'rate_limits'; limits: ReadonlyArray<{ name: string; limit: number; remaining: number; resetMs: number }> }
  /** The model reported an error that does not end the session. */
  | { type: 'error'; code: string; message: string }
  /** The agent's side is over. Told once, last. */
  | { type: 'ended'; end: Termination };

/** What part of an item the caller heard. */
export interface Heard {
  readonly itemId: string;
  readonly contentIndex: number;
  readonly responseId: string;
  /** Milliseconds of the item's audio that were really played to the caller. */
  readonly heardMs: number;
  /** Milliseconds of it that had been written to the caller's leg. */
  readonly writtenMs: number;
}

/** How the run of a tool ended. */
export const TOOL_OUTCOMES = [
  'ok',
  'failed',
  'refused',
  'timeout',
  'aborted',
  'superseded',
  'unknown',
  'invalid',
  'rate_limited',
  'too_large',
] as const;
export type ToolOutcome = (typeof TOOL_OUTCOMES)[number];

/** What a call's tools tell. `name` is one of the call's tools, or `(unknown)`: a metric label. Times are ms. */
export type ToolEvent =
  | { readonly type: 'tool_started'; readonly name: string; readonly toolCallId: string }
  | {
      readonly type: 'tool_finished';
      readonly name: string;
      readonly toolCallId: string;
      readonly ms: number;
      readonly outcome: ToolOutcome;
      /** The model was shown a part of the result. */
      readonly truncated: boolean;
      /** What the model was given: the result, or the error in words. */
      readonly output: string;
    }
  /** A result came when nobody waited for it any more; `ms` after the tool was started. */
  | {
      readonly type: 'tool_result_dropped';
      readonly name: string;
      readonly toolCallId: string;
      readonly ms: number;
      readonly why: Extract<ToolOutcome, 'timeout' | 'aborted' | 'superseded'>;
    };

/** How it is known that the people on the line agree to being recorded: they were told by the agent, or the operator sees to it. */
export type RecordingConsent = 'notice' | 'operator';

/** What is told of a call's recording. */
export type TapEvent =
  /** Told before anything is written down; the recording's time begins here. */
  | { type: 'recording_started'; consent: RecordingConsent; format: 'wav' | 'opus'; sampleRate: number }
  /** `durationMs` of the call were recorded. The reason is `call-ended`, or what kept the rest from being recorded. */
  | { type: 'recording_stopped'; reason: RecordingStop; durationMs: number };

export type RecordingStop = 'call-ended' | 'disk-full' | 'write-failed' | 'too-slow' | 'too-long' | 'notice-not-heard';

/** What operators do to a call. `by`: the operator's name. */
export type OperatorEvent =
  /** Somebody listens to both sides from now on. `announced`: the caller was told before. */
  | { type: 'listen_started'; by: string; announced: boolean }
  | { type: 'listen_ended'; by: string; ms: number }
  /** A line to the agent that the caller did not hear. */
  | { type: 'whispered'; by: string; text: string }
  /** The same by voice. */
  | { type: 'whisper_started'; by: string }
  | { type: 'whisper_ended'; by: string; ms: number }
  /** The operator speaks with the caller, and the agent is silent. `heard`: it hears them, and knows afterwards what was said. */
  | { type: 'takeover_started'; by: string; announced: boolean; heard: boolean }
  | { type: 'takeover_ended'; by: string; ms: number }
  /** An order: to hang up, to transfer, to play so many digits, to have the agent say `text`, to write it in the caller's place. */
  | {
      type: 'ordered';
      by: string;
      order: 'hangup' | 'transfer' | 'digits' | 'say' | 'text';
      text?: string;
      digits?: number;
    };

/** What observers of a call are told: the legs' events and the call's own. */
export type CallEvent =
  | { type: 'call_started'; at: number; direction: 'inbound' | 'outbound'; info: CallInfo }
  /** The caller's leg is attached; `again` when it came back after a break. */
  | { type: 'caller_joined'; kind: string; again: boolean }
  /** Both ends are there and speech flows. `audioPath` is both paths in words. */
  | { type: 'connected'; audioPath: string }
  | { type: 'caller'; event: CallerEvent }
  | { type: 'agent'; event: AgentEvent }
  /** First agent audio was written to the caller's leg; `sinceJoinMs` after the caller joined. */
  | { type: 'first_agent_audio'; sinceJoinMs: number }
  /** The caller spoke over the agent. `heard` lists the items in play, oldest first. */
  | { type: 'barge_in'; heard: readonly Heard[]; clearMs: number }
  /**
   * A turn of the caller was answered and the answer heard, or its beginning. Times are ms since the call began: the caller stopped (by the
   * level of the audio), the model noticed, a response began, its first audio came, the caller heard it. `cushionMs`: silence that went before
   * it, so that what is late is not heard.
   */
  | {
      type: 'turn';
      index: number;
      callerStoppedMs?: number;
      detectedMs: number;
      responseMs?: number;
      firstAudioMs: number;
      heardMs: number;
      cushionMs?: number;
    }
  | { type: 'tool'; event: ToolEvent }
  | { type: 'operator'; event: OperatorEvent }
  /** The caller leaves the agent to be connected to a number. `n`: which of the call's transfers it is. */
  | { type: 'transfer_started'; n: number; to: string }
  /** Nobody answered, and the caller comes back; or the talk is over, of which the carrier tells the length. */
  | { type: 'transfer_ended'; n: number; how: TransferEnd; seconds?: number }
  /** The model answers, but the caller gets nothing, or near-silence. */
  | { type: 'audio_alarm'; kind: 'missing' | 'silent'; audioPath: string }
  | TapEvent
  /** The caller's media came to another instance, `to`, which tells of the call from now on, under the same id. The last event that is told here. */
  | { type: 'call_moved'; to: string; durationMs: number }
  /** What a text model made of the call once it was over. Told after its end, which else is the last event. */
  | {
      type: 'call_summarized';
      summary: string | null;
      outcome: string | null;
      fields: Readonly<Record<string, string | number | boolean | null>>;
      model: string;
    }
  | { type: 'call_ended'; end: Termination; durationMs: number; counters: Readonly<Partial<Record<string, number>>> };

/** Watches calls: stores, metrics, recorders. It is told, never asked; what it throws is caught and counted. */
export interface CallObserver {
  onEvent(callId: string, event: CallEvent): void;
}
