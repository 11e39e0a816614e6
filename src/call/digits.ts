import type { Clock } from './clock.ts';
import { playDigits } from './dtmf.ts';
import { dtmfSamples } from './dtmf-tones.ts';
import { heard } from './heard.ts';
import type { CallerLeg } from './leg.ts';

/** How long after its own length the sound of keys may take to be played, ms. */
const SLACK_MS = 2_000;

/**
 * Plays keys (0-9, *, #, A-D, `w` for half a second's pause) to the caller's side: as digits where the leg's wire carries them, else as the tones
 * themselves in the audio, behind what the agent said before. Resolves when the last was sent or heard; false when there is nobody to hear
 * them, or the line went on the way. Rejects with the signal's reason when it aborts.
 */
export async function sendDigits(
  digits: string,
  caller: CallerLeg | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  if (caller === undefined) return false;
  let sent = 0;
  const send = (digit: string): boolean => {
    const carried = caller.sendDigit?.(digit) ?? false;
    if (carried) sent++;
    return carried;
  };
  if (await playDigits(digits, send, clock, signal)) return true;
  // A wire that carried some and then no more is a line that went: tones would not arrive either.
  if (sent > 0) return false;
  const { audio, playout } = caller;
  const before = playout.writtenMs();
  // In one piece, so that nothing comes between a key and its gap.
  const samples = dtmfSamples(digits, audio.sampleRate);
  audio.write({ samples, sampleRate: audio.sampleRate });
  const upToMs = playout.writtenMs();
  if (upToMs <= before) return false;
  const outcome = await heard({
    clock,
    playout: () => playout,
    upToMs,
    stopped: () => signal.aborted,
    timeoutMs: upToMs - playout.playedMs() + SLACK_MS,
  });
  return outcome === 'heard';
}
