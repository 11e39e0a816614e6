import type { Clock } from '../../../call/clock.ts';
import { heard } from '../../../call/heard.ts';
import { convertRate } from '../../../media/convert.ts';
import type { PcmFrame } from '../../../media/frame.ts';
import { type LivekitLeg, ROOM_RATE } from '../leg.ts';

/** How long a client takes until it hears the agent's track, ms. */
const SUBSCRIBE_MS = 1_000;
/** How long after its own length the last audio may take to be played, ms. */
const SLACK_MS = 2_000;

/**
 * Recorded words for people whose call cannot be had, so that nobody is left with a silent room. Resolves when they were heard, when that takes too long, or
 * when the room is over. Never rejects.
 */
export async function apologise(
  leg: Pick<LivekitLeg, 'joined' | 'over'>,
  words: PcmFrame | undefined,
  clock: Clock,
): Promise<void> {
  const room = words && (await leg.joined.catch(() => undefined));
  if (words === undefined || room === undefined) return;
  let isOver = false;
  const over = leg.over.then(() => {
    isOver = true;
  });
  // Who came this moment has still to subscribe to the track.
  await Promise.race([over, new Promise<void>((resolve) => clock.after(SUBSCRIBE_MS, resolve))]);
  if (isOver) return;
  room.setState('speaking');
  room.write(convertRate(words.samples, words.sampleRate, ROOM_RATE));
  const { playout } = room;
  const timeoutMs = playout.writtenMs() - playout.playedMs() + SLACK_MS;
  await heard({ clock, playout: () => playout, stopped: () => isOver, timeoutMs });
}
