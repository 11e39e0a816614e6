/**
 * For a live source: when to send at all, and how much silence to keep in front of it. Such a source has nothing to send ahead, so a stall
 * of our event loop would be heard unless the carrier already holds a cushion. The cushion is laid before the first word, when nobody
 * hears it, and corrected only in pauses. While nothing is said nothing is sent.
 */

export interface LiveGateOptions {
  /** Audio to be in front of the speaker at the carrier and here, ms. */
  readonly targetMs: number;
  /** Silence after which the talkspurt is over, ms: shorter, and soft endings of words are cut. */
  readonly hangoverMs: number;
  /** Deviation from the target that is left alone, ms. */
  readonly slackMs: number;
}

/** The verdict "leave this frame out"; any other is the silence to put before it, ms. */
export const SKIP = -1;

/** Silence shorter than this may lie inside a word (a stop consonant), ms. */
const WITHIN_WORD_MS = 60;

export class LiveGate {
  readonly #options: LiveGateOptions;
  #talking = false;
  #silentMs = 0;

  constructor(options: LiveGateOptions) {
    this.#options = options;
  }

  /** Whether a talkspurt is on its way out. */
  get talking(): boolean {
    return this.#talking;
  }

  /**
   * Judges the next frame: is it `silent`, how long is it, and how much audio is in front of it (`aheadMs`). Returns the silence to send
   * before it, ms, or SKIP.
   */
  next(silent: boolean, durationMs: number, aheadMs: number): number {
    const { targetMs, hangoverMs, slackMs } = this.#options;
    if (!silent) {
      this.#silentMs = 0;
      if (this.#talking) return 0;
      this.#talking = true;
      return Math.max(0, targetMs - aheadMs);
    }
    if (!this.#talking) return SKIP;
    this.#silentMs += durationMs;
    if (this.#silentMs > hangoverMs) {
      this.#talking = false;
      return SKIP;
    }
    if (this.#silentMs < WITHIN_WORD_MS) return 0;
    if (aheadMs > targetMs + slackMs) return SKIP;
    return aheadMs < targetMs - slackMs ? targetMs - aheadMs : 0;
  }

  /** What was on its way was discarded, or the source stopped writing: the next word begins a new talkspurt. */
  reset(): void {
    this.#talking = false;
    this.#silentMs = 0;
  }
}
