import { samplesToMs } from '../../media/frame.ts';

/** Audio that is kept, ms: longer than any greeting, and some megabytes at most. */
const MOST_MS = 60_000;
/** What is kept beside it of words and beginnings. */
const MOST_WORDS = 500;

/**
 * What an agent tells before somebody listens, in its order. It is bounded by its audio: where that is full all that the agent says is cut off there, so that no later piece of an
 * answer follows an earlier one without what was between. Ends and keys are never dropped.
 */
export class Early {
  readonly #rate: number;
  #kept: Array<() => void> = [];
  #audioMs = 0;
  #words = 0;
  #full = false;
  /** The newest that is kept is an answer's end: another behind it would tell nothing. */
  #ended = false;

  /** `rate`: of the audio, Hz. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** Keeps what is said beside the audio. */
  word(tell: () => void): void {
    if (this.#full || this.#words >= MOST_WORDS) return;
    this.#words++;
    this.always(tell);
  }

  /** Keeps a copy of audio, which is borrowed, or as much of it as there is room for. */
  audio(samples: Int16Array, tell: (kept: Int16Array) => void): void {
    if (this.#full) return;
    const room = Math.floor(((MOST_MS - this.#audioMs) * this.#rate) / 1000);
    const kept = samples.slice(0, room);
    this.#audioMs += samplesToMs(kept.length, this.#rate);
    this.#full = samples.length >= room;
    if (kept.length > 0) this.always(() => tell(kept));
  }

  /** Keeps the end of an answer. */
  end(tell: () => void): void {
    if (this.#ended) return;
    this.always(tell);
    this.#ended = true;
  }

  /** Keeps what must not be lost. */
  always(tell: () => void): void {
    this.#ended = false;
    this.#kept.push(tell);
  }

  /** All that is kept, which is not kept any longer. */
  take(): ReadonlyArray<() => void> {
    return this.#kept.splice(0);
  }
}
