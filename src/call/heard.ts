import type { Clock } from './clock.ts';
import type { Playout } from './leg.ts';

/** How often playout is looked at, ms. */
const POLL_MS = 20;
/** Unplayed audio that counts as heard, ms: a codec or a resampler may hold back a frame. */
const TOLERANCE_MS = 20;

export interface HeardOptions {
  readonly clock: Clock;
  /** Whose playing is waited for; asked each time, since a caller may be lost. Nobody there: nothing is left to be heard. */
  readonly playout: () => Playout | undefined;
  /** Whether more is still to be said. */
  readonly more?: () => boolean;
  /** The position that has to be played, ms of audio written; all that was written when left out. */
  readonly upToMs?: number;
  /** Whether there is nothing to wait for any more: the call is over, the caller spoke up. */
  readonly stopped: () => boolean;
  /** Longest wait, ms. */
  readonly timeoutMs: number;
}

/**
 * Waits until what was said was really heard: by playout, not by a timer. `late` when that takes longer than it may. Never rejects.
 */
export function heard(options: HeardOptions): Promise<'heard' | 'stopped' | 'late'> {
  const { clock, playout, more, upToMs, stopped, timeoutMs } = options;
  const deadline = clock.now() + timeoutMs;
  const unplayedMs = () => {
    const at = playout();
    if (at === undefined) return 0;
    // What was discarded meanwhile will not be heard: `writtenMs` fell back with it.
    return Math.min(at.writtenMs(), upToMs ?? Number.POSITIVE_INFINITY) - at.playedMs();
  };
  return new Promise((resolve) => {
    const look = () => {
      if (stopped()) resolve('stopped');
      else if (more?.() !== true && unplayedMs() <= TOLERANCE_MS) resolve('heard');
      else if (clock.now() >= deadline) resolve('late');
      else clock.after(POLL_MS, look);
    };
    look();
  });
}
