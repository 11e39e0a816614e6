import { WITHIN_WORD_MS } from '../../media/quiet-run.ts';

/**
 * For a live source: when to send at all, and how much silence to keep in front of it. Such a source has nothing to send ahead, so a stall
 * of our event loop would be heard unless the carrier already holds a cushion. The cushion is laid before the first word, when nobody
 * hears it, and corrected only in pauses. While nothing is said nothing is sent.
 */

export interface LiveGateOptions {
  /** Silence after which the talkspurt is over, ms: shorter, and soft endings of words are cut. */
  readonly hangoverMs: number;
  /** How much more, and how much less, than the target is left alone, ms. */
  readonly slackMs: { readonly above: number; readonly below: number };
}

/** The verdict "leave this frame out"; any other is the silence to put before it, ms. */
export const SKIP = -1;

/** Where a line has noise of its own, so long without a voice is a pause, ms: the soft end of a word is behind it. */
const BETWEEN_WORDS_MS = 120;

export class LiveGate {
  readonly #options: LiveGateOptions;
  #talking = false;
  #silentMs = 0;
  #hushedMs = 0;

  constructor(options: LiveGateOptions) {
    this.#options = options;
  }

  /** Whether a talkspurt is on its way out. */
  get talking(): boolean {
    return this.#talking;
  }

  /**
   * Judges the next frame: is it `silent`, how long is it, how much audio is in front of it (`aheadMs`), and how much is to be at
   * the carrier and here (`targetMs`). `hushed`: it is not silent, and no louder than the noise of the line. Returns the silence to send
   * before it, ms, or SKIP.
   */
  next(silent: boolean, durationMs: number, aheadMs: number, targetMs: number, hushed = false): number {
    const { hangoverMs, slackMs } = this.#options;
    this.#hushedMs = silent || hushed ? this.#hushedMs + durationMs : 0;
    if (!silent) {
      this.#silentMs = 0;
      // A line to a person is never silent: what was late is won back between his words, or it would be late for the rest of the call.
      if (this.#talking) return this.#hushedMs > BETWEEN_WORDS_MS && aheadMs > targetMs + slackMs.above ? SKIP : 0;
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
    if (aheadMs > targetMs + slackMs.above) return SKIP;
    return aheadMs < targetMs - slackMs.below ? targetMs - aheadMs : 0;
  }

  /** What was on its way was discarded, or the source stopped writing: the next word begins a new talkspurt. */
  reset(): void {
    this.#talking = false;
    this.#silentMs = 0;
  }
}
