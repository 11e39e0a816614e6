import type { PcmFrame } from '../media/frame.ts';
import { link } from '../media/link.ts';
import type { Clock } from './clock.ts';
import { heard } from './heard.ts';
import type { CallerLeg } from './leg.ts';

/** How long after its own length the last audio may take to be played, ms. */
const SLACK_MS = 2_000;

/**
 * The bridge's own last words on a line: cuts what was queued, plays `words` instead (nothing: lets the queued play out), and resolves when all
 * was heard, when that takes too long, or when the signal aborts. Never rejects.
 */
export async function farewell(
  caller: CallerLeg,
  words: PcmFrame | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { audio, playout } = caller;
  if (words !== undefined) {
    audio.clear();
    // They are there at once, pauses included: none of them is anybody's delay.
    caller.setPace?.('burst');
    link(words.sampleRate, audio).write(words);
  }
  const timeoutMs = playout.writtenMs() - playout.playedMs() + SLACK_MS;
  await heard({ clock, playout: () => playout, stopped: () => signal.aborted, timeoutMs });
}
