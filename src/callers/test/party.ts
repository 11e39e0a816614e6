import type { AgentEvent, CallerEvent } from '../../call/events.ts';
import type { Termination } from '../../call/termination.ts';
import type { TapeMarkKind } from '../../measure/tape.ts';
import type { NoiseOptions } from '../../media/effects/chain.ts';

/** What a test caller's leg lets its caller do beside speaking. */
export interface Line {
  /**
   * The caller does this, `offset` samples after the beginning of the frame that is being made. Its words may be set later, as they become known: those of a
   * model that speaks; and that they were cut off.
   */
  mark(
    kind: TapeMarkKind,
    more?: { readonly offset?: number; readonly text?: string; readonly step?: number },
  ): { text?: string; cut?: boolean };
  emit(event: Exclude<CallerEvent, { type: 'ended' }>): void;
  /** The noise behind the caller, from the frame on that is being made. */
  noise(options: NoiseOptions | undefined): void;
  /** The caller is gone; the first reason counts. */
  end(end: Termination): void;
}

/** Who is at the other end of a test caller's leg: one frame of 20 ms after the other, both ways at once. */
export interface Party {
  /** The line is there, and frames are going to follow. */
  begin(line: Line): void;
  /** Hears a frame of the agent's, and says one of his own into `said`, which is silence. Both are at 24 kHz and borrowed. */
  frame(heard: Int16Array, said: Int16Array): void;
  /** Sees an event of the agent's before anybody else does. */
  onAgent?(event: AgentEvent): void;
  /** What the agent had said and was not heard by now never will be. */
  cleared?(): void;
  /** The leg is over. Told once, last, also where nothing ever began. */
  over(end: Termination): void;
}
