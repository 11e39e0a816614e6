/**
 * How far a carrier's timestamps can be believed. `media`: they count audio, to the frame. `loose`: they are taken from some clock and jitter,
 * so only real gaps count. `none`: absent, constant, or nonsense; frames pass as they come. It only ever falls, until the stream begins anew.
 */
export type Trust = 'media' | 'loose' | 'none';

/** So many consecutive frames make a constant counter. */
const CONSTANT_RUN = 3;
/** A timestamp off the frame grid by more than this is a sign of a jittery clock, ms. */
export const GRID_MS = 2;
/** Each sign adds four, each frame on the grid takes one away; at this sum the clock is called loose. */
const LOOSE_SCORE = 24;
/** Frames in a row that come too late or twice, none usable among them: 500 ms of audio. */
const UNUSED_RUN = 25;
/** Gaps within a minute that are longer than the time in which they can have come about. */
const IMPOSSIBLE_GAPS = 3;
const IMPOSSIBLE_WITHIN_MS = 60_000;

export class StampTrust {
  #level: Trust = 'media';
  #last = -1;
  #same = 0;
  #looseScore = 0;
  #unused = 0;
  #impossible = 0;
  #impossibleSince = 0;

  get level(): Trust {
    return this.#level;
  }

  reset(): void {
    this.#level = 'media';
    this.#last = -1;
    this.#same = 0;
    this.#looseScore = 0;
    this.#unused = 0;
    this.#impossible = 0;
  }

  /** A frame with this timestamp. Counters that stand still mean nothing; the first repeats are taken for duplicates by who asks. */
  sees(timestampMs: number): void {
    this.#same = timestampMs === this.#last ? this.#same + 1 : 0;
    this.#last = timestampMs;
    if (this.#same >= CONSTANT_RUN) this.#level = 'none';
  }

  /** The frame begins `delta` ms behind the end of the one before it: watches whether timestamps fall on the grid that frame lengths make. */
  judge(delta: number, durationMs: number): void {
    if (this.#level !== 'media') return;
    const off = delta === 0 ? 0 : Math.abs(delta) % durationMs;
    if (Math.min(off, durationMs - off) <= GRID_MS) {
      if (this.#looseScore > 0) this.#looseScore--;
      return;
    }
    this.#looseScore += 4;
    if (this.#looseScore >= LOOSE_SCORE) this.#level = 'loose';
  }

  used(): void {
    this.#unused = 0;
  }

  /** A frame was left out. When that goes on and on it is the stamps that are wrong, and the caller would never be heard again. */
  unused(): void {
    if (++this.#unused >= UNUSED_RUN) this.#level = 'none';
  }

  /** A gap was longer than the time in which it can have come about: the carrier's clock has jumped, or counts something else. */
  impossible(now: number): void {
    if (now - this.#impossibleSince > IMPOSSIBLE_WITHIN_MS) this.#impossible = 0;
    if (this.#impossible === 0) this.#impossibleSince = now;
    if (++this.#impossible >= IMPOSSIBLE_GAPS) this.#level = 'none';
  }
}
