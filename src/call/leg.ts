import type { AudioSink } from '../media/frame.ts';
import type { Clock } from './clock.ts';
import type { Count } from './counters.ts';
import type { AgentEvent, CallerEvent, Heard, Pace } from './events.ts';
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
  /** What it is, from a small fixed set: a metric label. A carrier's or an agent kind's name, "browser", "whatsapp" or "bridge". */
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
  /** Sends a digit to the far party where the wire can; false where it cannot. */
  sendDigit?(digit: string): boolean;
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
  /** Whether the caller waits for an answer of the agent's; a leg that cannot tell has no such property. */
  readonly waitedFor?: boolean;
  /** Hands a tool's result to the model; the model goes on speaking when it may. Without it the agent has no tools, and what it calls is not run. */
  submitToolResult?(result: ToolResult): void;
  /** Adds a typed turn of the user (digits, a chat line) and asks for an answer. Without it such turns are counted as not taken. */
  sendText?(text: string): void;
  /**
   * Asks for one answer with these instructions of its own (a filler, a bridge sentence, a goodbye); it queues behind a running one. Without it
   * nothing is said in their place, and nobody waits for it: the line closes after what is playing.
   */
  respond?(instructions: string): void;
}
