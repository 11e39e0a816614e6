import type { PcmFrame } from '../media/frame.ts';
import { rmsDbfs } from '../media/level.ts';

/** How far above the line's own noise speech is, dB. */
const ABOVE_NOISE_DB = 12;
/** Every fourth sample tells the level of speech as well as all of them. */
const STRIDE = 4;
/** Nothing quieter is taken for speech, dBFS: the idle noise of a line is below it. */
const QUIETEST_DBFS = -50;
/** The noise is followed downwards at once and upwards slowly, dB a second, so that a long sentence is not taken for noise. */
const NOISE_RISE_DB_S = 3;
/** Speech lasts at least this long, ms: a click after the last word is no word. */
const SHORTEST_MS = 60;
const NEVER = Number.NEGATIVE_INFINITY;
/** A pause of this length ends a run of speech, ms: the closure of a consonant is shorter. */
const PAUSE_MS = 200;

/**
 * When a party really stopped speaking, by the level of its audio. A model tells the end of a turn only after the silence it waits for and
 * after the way there; what the caller waits is counted from here. Times are those of the clock that `push` is given: the moment at which
 * the audio came.
 */
export class SpeechEnd {
  /** What changes with each frame, in one place: a field that gets a fraction gets a new object on the heap. */
  readonly #n = Float64Array.of(QUIETEST_DBFS - ABOVE_NOISE_DB, 0, NEVER, NEVER);
  #runFrom = NEVER;
  /** End of the run of speech before the one that goes on. */
  #endedBefore = NEVER;

  get #noise(): number {
    return this.#n[0]!;
  }

  set #noise(value: number) {
    this.#n[0] = value;
  }

  /** Loud audio since the last pause, ms. */
  get #loudMs(): number {
    return this.#n[1]!;
  }

  set #loudMs(value: number) {
    this.#n[1] = value;
  }

  get #lastLoudAt(): number {
    return this.#n[2]!;
  }

  set #lastLoudAt(value: number) {
    this.#n[2] = value;
  }

  get #endedAt(): number {
    return this.#n[3]!;
  }

  set #endedAt(value: number) {
    this.#n[3] = value;
  }

  /** Takes the next audio, whose last sample came at `now`, ms. */
  push({ samples, sampleRate }: PcmFrame, now: number): void {
    if (samples.length === 0) return;
    const ms = (samples.length * 1000) / sampleRate;
    const level = rmsDbfs(samples, STRIDE);
    const loud = level > this.#noise + ABOVE_NOISE_DB;
    // Digital silence, as it fills a gap, says nothing of the line.
    this.#noise = Math.max(
      QUIETEST_DBFS - ABOVE_NOISE_DB,
      Math.min(level, this.#noise + (NOISE_RISE_DB_S * ms) / 1000),
    );
    if (!loud) return;
    if (now - this.#lastLoudAt > PAUSE_MS) {
      this.#loudMs = 0;
      this.#runFrom = now - ms;
    }
    this.#lastLoudAt = now;
    const spokeBefore = this.#loudMs >= SHORTEST_MS;
    this.#loudMs += ms;
    if (this.#loudMs < SHORTEST_MS) return;
    if (!spokeBefore) this.#endedBefore = this.#endedAt;
    this.#endedAt = now;
  }

  /**
   * When speech last ended, not before `since` and as it is known at `now`; undefined when none was heard. Where somebody has just begun
   * anew, it is the end before that: the turn that was detected is the earlier one.
   */
  stoppedAt(since: number, now: number): number | undefined {
    const begunAnew = now - this.#lastLoudAt <= PAUSE_MS && now - this.#runFrom <= 2 * PAUSE_MS;
    const at = begunAnew && this.#endedBefore > NEVER ? this.#endedBefore : this.#endedAt;
    return at === NEVER || at < since ? undefined : at;
  }
}
