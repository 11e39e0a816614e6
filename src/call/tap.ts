import type { PcmFrame } from '../media/frame.ts';
import type { Count } from './counters.ts';
import type { TapEvent } from './events.ts';

/**
 * Listens to the audio of one call: recorders, level meters. It is told on the audio path, so it must not throw, wait or do work of note,
 * and a frame's samples are borrowed until it returns.
 */
export interface CallTap {
  /** Both ends are there for the first time, and the agent has not been asked to greet yet: what is said by the hooks comes before. */
  connected?(): void;
  /** What the caller said, when it came; silence that filled a gap included. */
  caller(frame: PcmFrame): void;
  /**
   * What was sent for the caller to hear: the agent's speech, the apology. `fromMs`: position of its first sample among all that was sent and
   * not discarded, ms (`playout.writtenMs()` before it; positions go on when a leg takes the place of another). It is heard when `playedMs`
   * passes that position, unless it is discarded first.
   */
  agent(frame: PcmFrame, fromMs: number): void;
  /** What lay unplayed was discarded (barge-in, a broken line): of all that was sent, the caller heard up to `playedMs`. */
  cleared(playedMs: number): void;
  /**
   * Whether it has use for audio now; asked every 100 ms; true when left out. A frame that nobody listens to is not carried to everybody.
   */
  readonly hearing?: boolean;
  /**
   * Whether `tick` has anything to tell it now; asked after each tick, and every 100 ms after a no; true when left out. Two hundred calls
   * are too much to be walked through fifty times a second for nothing.
   */
  readonly ticking?: boolean;
  /**
   * Told each tick (20 ms) from the first caller's joining on, while the line is broken too: how far playing has come, ms, and the clock, ms.
   * `playedMs` never falls.
   */
  tick(playedMs: number, now: number): void;
  /** The call is over; nothing is told after it. */
  ended(): void;
}

/** What a tap may do to its call. After the call's end none of it does anything. */
export interface TapHooks {
  /** Tells all who watch the call. */
  tell(event: TapEvent): void;
  readonly count: Count;
  /** Has the caller told something before all else, behind what the agent is saying. */
  announce(announcement: Announcement): void;
}

/** What the caller has to be told, and what is done then: one of the two, once, unless the call ends before. */
export interface Announcement {
  /** Said word for word. */
  readonly words: string;
  /** How long it may take, ms; without it, as long as the call goes on. */
  readonly withinMs?: number;
  /** The caller has heard it, to its end. */
  heard(): void;
  /** It was asked for as often as is decent, took too long, or cannot be asked for. */
  givenUp(): void;
}
