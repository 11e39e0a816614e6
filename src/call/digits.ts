import type { Clock } from './clock.ts';
import { playDigits } from './dtmf.ts';
import { dtmfSamples, KEY_MS } from './dtmf-tones.ts';
import { heard } from './heard.ts';
import type { CallerLeg } from './leg.ts';

/** How long after its own length the sound of keys may take to be played, ms. */
const SLACK_MS = 2_000;

/** How often keys that were discarded are pressed again. */
const AGAIN_MOST = 3;

/** So much of a key's tone every receiver takes for a press (ITU-T Q.24), ms. */
const TAKEN_MS = 40;

/** Keys that the caller's side got in part: what had not been played was discarded, or the line went. Whoever sends them all again would press the first ones twice. */
export class KeysCut extends Error {
  /** How many of them were played, or so much of them that the far end may have taken them. */
  readonly played: number;

  constructor(played: number, of: number) {
    super(`the keys were cut off: ${played} of ${of} were played`);
    this.name = 'KeysCut';
    this.played = played;
  }
}

/**
 * Plays keys (0-9, *, #, A-D, `w` for half a second's pause) to the caller's side: as digits where the leg's wire carries them, else as the tones
 * themselves in the audio, behind what the agent said before. Resolves when the last was sent or heard; false when there is nobody to hear
 * any of them. What is discarded of them is pressed again, a few times. Rejects with KeysCut where they did not all come there, and with the signal's reason when it aborts.
 */
export async function sendDigits(
  digits: string,
  caller: CallerLeg | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  if (caller === undefined) return false;
  const keys = [...digits].filter((digit) => digit !== 'w').length;
  let sent = 0;
  const send = (digit: string): boolean => {
    const carried = caller.sendDigit?.(digit) ?? false;
    if (carried) sent++;
    return carried;
  };
  if (await playDigits(digits, send, clock, signal)) return true;
  // A wire that carried some and then no more is a line that went: tones would not arrive either.
  if (sent > 0) throw new KeysCut(sent, keys);
  return playTones(digits, caller, clock, signal);
}

/**
 * Keys that a clear discarded before they were played are pressed again behind it: whoever is to get them may be talking all the time, as a menu does, and
 * each word of his discards what waits.
 */
async function playTones(digits: string, caller: CallerLeg, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const keys = [...digits].filter((digit) => digit !== 'w').length;
  let played = 0;
  let rest = digits;
  for (let again = 0; ; again++) {
    const outcome = await playOnce(rest, caller, clock, signal);
    if (outcome === undefined) return false;
    if (outcome.isHeard) return true;
    played += outcome.played;
    if (signal.aborted) return false;
    if (played === keys) return true;
    // A line that plays nothing never got them.
    if (!outcome.isCut && played === 0) return false;
    if (!outcome.isCut || again === AGAIN_MOST) throw new KeysCut(played, keys);
    rest = behind(rest, outcome.played);
  }
}

/** What is left of keys and pauses behind the first so many keys. */
function behind(digits: string, keys: number): string {
  let at = 0;
  for (let left = keys; left > 0; at++) if (digits[at] !== 'w') left--;
  return digits.slice(at);
}

interface Played {
  readonly isHeard: boolean;
  /** Whether what was not played of it was discarded. */
  readonly isCut: boolean;
  /** How many keys the far end may have taken. */
  readonly played: number;
}

/** Undefined: the line takes nothing. */
async function playOnce(
  digits: string,
  caller: CallerLeg,
  clock: Clock,
  signal: AbortSignal,
): Promise<Played | undefined> {
  const { audio, playout } = caller;
  const { sampleRate } = audio;
  const before = playout.writtenMs();
  const cutBefore = caller.cut?.n;
  /** From where on each key counts as pressed, ms of the playout. */
  const taken: number[] = [];
  // One behind the other, so that nothing comes between a key and the next.
  for (const digit of digits) {
    audio.write({ samples: dtmfSamples(digit, sampleRate), sampleRate, whole: true });
    if (digit !== 'w') taken.push(playout.writtenMs() - KEY_MS.gap - KEY_MS.tone + TAKEN_MS);
  }
  const upToMs = playout.writtenMs();
  if (upToMs <= before) return undefined;
  const isCut = () => caller.cut?.n !== cutBefore;
  const outcome = await heard({
    clock,
    playout: () => playout,
    upToMs,
    stopped: () => signal.aborted || isCut(),
    timeoutMs: upToMs - playout.playedMs() + SLACK_MS,
  });
  const playedMs = isCut() ? (caller.cut?.playedMs ?? 0) : playout.playedMs();
  return {
    isHeard: outcome === 'heard',
    isCut: isCut(),
    played: taken.filter((from) => from <= playedMs).length,
  };
}
