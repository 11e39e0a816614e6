import type { AudioSink } from '../media/frame.ts';
import type { Clock } from './clock.ts';
import type { Count } from './counters.ts';
import type { AgentEvent, CallerEvent, Heard, Pace } from './events.ts';
import type { Said } from './said.ts';
import type { Termination } from './termination.ts';
import type { Ticker } from './ticker.ts';

export type { Pace } from './events.ts';

/**
 * The two ports of a call. A leg is whole in itself: it knows its wire, its codec and how to close. Between the two legs flow only PCM
 * frames (by a sink's `write`) and events (one closed union a side).
 */

/** The structured log of one call or leg; pino's shape, so that this folder knows no vendor. */
export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** What a leg is given once, at its start. There is nothing to unsubscribe from. */
export interface LegContext<E> {
  readonly callId: string;
  /** Where this leg writes what its own far party says; `peer.sampleRate` is the leg's own `rate`, whoever joined them converts. */
  readonly peer: AudioSink;
  /** Tells the call. Never throws. After `ended` nothing may be told. */
  emit(event: E): void;
  readonly count: Count;
  readonly log: Log;
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** Aborted with the call's `Termination` as reason when the call ends: pending starts and timers stop. */
  readonly signal: AbortSignal;
}

export interface Leg<E> {
  /** What it is, from a small fixed set: a metric label. A carrier's or an agent kind's name, "browser", "whatsapp", "livekit", "bridge" or "test". */
  readonly kind: string;
  /** What the far party hears. */
  readonly audio: AudioSink;
  /** Hz of the frames this leg writes to its peer. */
  readonly rate: number;
  /** Attaches handlers synchronously; resolves when media may flow; rejects with a BridgeError when that cannot be had. */
  start(ctx: LegContext<E>): Promise<void>;
  /** Tells the far party and frees everything. Idempotent, never rejects, ends within a deadline of its own (5 s at most). */
  close(end: Termination): Promise<void>;
}

/**
 * How far the playing of audio has come on the far side of a leg, in milliseconds of audio accepted by `audio.write` since the leg
 * began. `clear()` makes `writtenMs` fall back to what was played.
 */
export interface Playout {
  /** Audio accepted so far, ms. */
  writtenMs(): number;
  /** Audio the far party will have heard at the moment a `clear` sent now takes effect, ms; never more than `writtenMs()`. */
  playedMs(): number;
}

/** What can be asked of a caller's line beside speech. */
export type LineAction = 'transfer' | 'digits';

export interface CallerLeg extends Leg<CallerEvent> {
  readonly playout: Playout;
  /** What this kind of line cannot be asked for, each with a sentence that says why, for whoever asks. */
  readonly cannot?: Readonly<Partial<Record<LineAction, string>>> | undefined;
  /**
   * Told by the call when it is known, and again when it changes: in which pace the agent's audio comes. Of a live one nothing can be sent ahead,
   * and a cushion must stand in for that. A leg that makes no difference has no such method.
   */
  setPace?(pace: Pace): void;
  /**
   * Whether its far party sends no audio at all although the connection lives: a caller on hold, as far as one can tell. Nobody there can
   * be blamed for a silence. A leg that cannot tell has no such property.
   */
  readonly onHold?: boolean;
  /** Silence that it puts before live speech at the moment, ms; undefined, or left out, where it puts none. */
  readonly cushionMs?: number | undefined;
  /** Sends a digit to the far party where the wire can; false where it cannot. */
  sendDigit?(digit: string): boolean;
  /**
   * The last time that audio which it had not played was discarded, by order or by itself: which of these times it is, from 1, and how far it had played by then, ms of its playout.
   * No leg has this of its own: the call counts for it.
   */
  readonly cut?: { readonly n: number; readonly playedMs: number } | undefined;
  /**
   * Sees each event of the agent's before anybody else is told of it, and gives it back with what the line knows of it: which of several people
   * said the words. For lines that have a use for it: one that shows the agent's state, or what was said.
   */
  onAgent?(event: AgentEvent): AgentEvent;
}

/** What a connection's statistics say of the way to the far end, ms; left out what they do not. https://www.w3.org/TR/webrtc-stats/ */
export interface PathSample {
  readonly roundTripMs?: number;
  /** How long a sample waits in our jitter buffer, in the mean since the look before. */
  readonly jitterBufferMs?: number;
  /** How long audio waits in queues of our own beside that, on its way out and on its way in together, in the mean since the look before: a room's lead and cushion. */
  readonly ownQueuesMs?: number;
}

/** What a tool returned, for the model. `output` is a string as the model gets it. */
export interface ToolResult {
  readonly toolCallId: string;
  readonly output: string;
}

/**
 * Every agent takes audio, speaks, tells when the caller speaks, and can be interrupted. All else is there where an agent can do it: a method that is
 * left out is something that it cannot be asked for, and the call does without.
 */
export interface AgentLeg extends Leg<AgentEvent> {
  /** How its audio comes: what is to be expected until it is `ready`, what is true from then on. It may change with a later `ready`. */
  readonly pace: Pace;
  /**
   * The caller spoke over the agent: after it returns, no frame of an interrupted response is written to the peer. `heard` lists the items in
   * play, oldest first; a leg that can tells its far end what was heard.
   */
  interrupt(heard: readonly Heard[]): void;
  /** Lets the agent speak first, if it is set to. Called once, when the caller can hear. Without it the agent speaks first as it likes. */
  greet?(): void;
  /**
   * The caller hears this part of an item just now, or has just heard its last: told some times a second while something of the agent's is
   * played. Only what is heard is an answer.
   */
  heard?(part: Heard): void;
  /** Whether somebody is on the line: to nobody nothing is owed. */
  listened?(there: boolean): void;
  /**
   * The caller hears it again, after a time in which nobody did: an operator had him, or his line had broken. Of what it was cut off in, and goes on saying, he hears what comes
   * from now on. A leg whose cut answers are void has no such method.
   */
  heardAgain?(): void;
  /** How the way to the agent is just now; undefined where nothing tells. Never rejects. A leg that never can has no such method. */
  path?(): Promise<PathSample | undefined>;
  /** Whether the caller waits for an answer of the agent's; a leg that cannot tell has no such property. */
  readonly waitedFor?: boolean;
  /** It is somebody with whom the caller may be silent, as people are while one of them looks something up: no silence ends the call but one that was set for it. */
  readonly mayBeSilent?: boolean;
  /** Hands a tool's result to the model; the model goes on speaking when it may. Without it the agent has no tools, and what it calls is not run. */
  submitToolResult?(result: ToolResult): void;
  /** Adds a typed turn of the user (digits, a chat line) and asks for an answer. Without it such turns are counted as not taken. */
  sendText?(text: string): void;
  /** Plays a key that the caller pressed to the far end, which takes it as a key. Without it keys become typed turns. */
  key?(digit: string): void;
  /** Adds a line about the conversation, which asks for no answer: who of several people speaks. Without it the agent is not told. */
  note?(text: string): void;
  /**
   * Asks for one answer with these instructions of its own (a filler, a bridge sentence, a goodbye); it queues behind a running one. Without it
   * nothing is said in their place, and nobody waits for it: the line closes after what is playing. `first`: the caller has to hear it before any answer, also before
   * that to what he says meanwhile; an agent that cannot set its answers back says it when it comes to it.
   */
  respond?(instructions: string, first?: boolean): void;
  /**
   * While quiet it hears and understands, and answers nothing: an operator speaks with the caller in its place. Without it the agent hears nothing of that, and is
   * told afterwards how long it lasted.
   */
  hush?(quiet: boolean): void;
  /** What was said and done so far, for an agent that has to go on from here when this process is gone. Left out where it cannot tell. */
  said?(): readonly Said[];
  /**
   * Before it is started: the conversation that it goes on from, which another agent had before the line broke. Its `greet` then tells the caller that
   * it goes on, in place of a greeting. Without it the agent begins as with anybody.
   */
  goOnFrom?(said: readonly Said[]): void;
}
