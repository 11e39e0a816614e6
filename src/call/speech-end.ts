import type { PcmFrame } from '../media/frame.ts';
import { meanSquareOf, sumOfSquares } from '../media/level.ts';

// Levels are compared as mean squares: a logarithm of each frame of each call would tell nothing more.

/** How far above the line's own noise speech is: 12 dB, as a ratio of mean squares. */
const ABOVE_NOISE = 10 ** (12 / 10);
/** The noise is taken for no lower than this: nothing below -50 dBFS is speech, since the idle noise of a line is below it. */
const LEAST_NOISE = meanSquareOf(-50) / ABOVE_NOISE;
/** The noise is followed downwards at once and upwards slowly, so that a long sentence is not taken for noise: 3 dB a second, for one millisecond. */
const NOISE_RISE_A_MS = 10 ** (3 / 10_000);
/** Speech lasts at least this long, ms: a click after the last word is no word. */
const SHORTEST_MS = 60;
/** A pause of this length ends a run of speech, ms: the closure of a consonant is shorter. */
const PAUSE_MS = 200;
const NEVER = Number.NEGATIVE_INFINITY;
/** By how much the noise may rise in a frame of the length seen last, ms: nearly all have the same. */
let risenMs = 0;
let rise = 1;

/** Places of the numbers: the line's noise, a mean square; loud audio since the last pause, ms; when audio was last loud; when speech last ended. */
const NOISE = 0;
const LOUD_MS = 1;
const LAST_LOUD_AT = 2;
const ENDED_AT = 3;

/**
 * When a party really stopped speaking, by the level of its audio. A model tells the end of a turn only after the silence it waits for and
 * after the way there; what the caller waits is counted from here. Times are those of the clock that `push` is given: the moment at which
 * the audio came.
 */
export class SpeechEnd {
  /** What changes with each frame, in one place: a field that gets a fraction gets a new object on the heap. */
  readonly #n = Float64Array.of(LEAST_NOISE, 0, NEVER, NEVER);
  #runFrom = NEVER;
  /** End of the run of speech before the one that goes on. */
  #endedBefore = NEVER;

  /** Takes the next audio, whose last sample came at `now`, ms. */
  push({ samples, sampleRate }: PcmFrame, now: number): void {
    if (samples.length === 0) return;
    const n = this.#n;
    const ms = (samples.length * 1000) / sampleRate;
    const level = sumOfSquares(samples) / samples.length;
    const loud = level > n[NOISE]! * ABOVE_NOISE;
    if (ms !== risenMs) {
      risenMs = ms;
      rise = NOISE_RISE_A_MS ** ms;
    }
    // Digital silence, as it fills a gap, says nothing of the line.
    n[NOISE] = Math.max(LEAST_NOISE, Math.min(level, n[NOISE]! * rise));
    if (!loud) return;
    if (now - n[LAST_LOUD_AT]! > PAUSE_MS) {
      n[LOUD_MS] = 0;
      this.#runFrom = now - ms;
    }
    n[LAST_LOUD_AT] = now;
    const spokeBefore = n[LOUD_MS]! >= SHORTEST_MS;
    n[LOUD_MS]! += ms;
    if (n[LOUD_MS]! < SHORTEST_MS) return;
    if (!spokeBefore) this.#endedBefore = n[ENDED_AT]!;
    n[ENDED_AT] = now;
  }

  /**
   * When speech last ended, not before `since` and as it is known at `now`; undefined when none was heard. Where somebody has just begun
   * anew, it is the end before that: the turn that was detected is the earlier one.
   */
  stoppedAt(since: number, now: number): number | undefined {
    const n = this.#n;
    const begunAnew = now - n[LAST_LOUD_AT]! <= PAUSE_MS && now - this.#runFrom <= 2 * PAUSE_MS;
    const at = begunAnew && this.#endedBefore > NEVER ? this.#endedBefore : n[ENDED_AT]!;
    return at === NEVER || at < since ? undefined : at;
  }
}
