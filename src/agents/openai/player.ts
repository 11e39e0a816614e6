import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { AgentEvent, Heard } from '../../call/events.ts';
import type { AudioSink } from '../../media/frame.ts';
import { staysWithin } from '../../media/level.ts';
import type { Drops } from '../common/drops.ts';
import type { AudioDelta } from './events.ts';
import type { ResponseSequencer } from './turns.ts';

/**
 * The model's voice on its way to the caller. The two transports differ in who holds the play-out buffer, and so in how an item's audio
 * is known, ended and interrupted: each has a player of its own, made anew for every session.
 */
export interface Player {
  /** A message of a response was announced. */
  itemAdded(responseId: string, itemId: string): void;
  /** A run of audio as an event (WebSocket). */
  delta(event: AudioDelta): void;
  /** Decoded audio (WebRTC). Borrowed during the call. */
  audio(samples: Int16Array): void;
  /** The model generated all audio of the item. */
  itemDone(itemId: string): void;
  responseDone(responseId: string): void;
  /** The server's own play-out buffer (WebRTC). */
  buffer(what: 'started' | 'stopped' | 'cleared', responseId: string): void;
  /** After it returns nothing of what was begun is written. Tells the model in the way of the transport. */
  interrupt(heard: readonly Heard[]): void;
  /** The server cut in by itself: what it had not begun to play is heard by nobody. */
  callerSpeaks(): void;
  /** Whether audio of this response came that is not silence. */
  sounded(responseId: string): boolean;
  /** Whether what is being played has been nothing but silence for longer than a pause between words. */
  fallenSilent(): boolean;
  /** Whether the caller still hears something, as far as this side knows. */
  playing(): boolean;
  /** The session is over: what was begun ends here. Returns the item whose rest is out of reach, where there is one. */
  end(): string | undefined;
}

export interface PlayerDeps {
  readonly peer: AudioSink;
  readonly sequencer: ResponseSequencer;
  readonly clock: Clock;
  readonly count: Count;
  readonly drops: Drops;
  emit(event: AgentEvent): void;
  send(json: string): boolean;
  /** Items of this response, oldest first. */
  items(responseId: string): readonly string[];
  /**
   * The caller heard only a part of an item: a share (0 to 1) of what was generated, or so many milliseconds of it.
   */
  cut(itemId: string, by: { share: number } | { ms: number }): void;
  /** The caller heard nothing of an item, and nobody else will say so. */
  unsay(itemId: string): void;
  /** How long an item's words take to say, ms: where its audio's length is not known. */
  lengthMs(itemId: string): number;
}

/** Audio whose peak is not above this is silence. */
const SILENT_PEAK = 64;

/** Whether nobody would hear anything of these samples. */
export function isSilent(samples: Int16Array): boolean {
  return staysWithin(samples, SILENT_PEAK);
}
