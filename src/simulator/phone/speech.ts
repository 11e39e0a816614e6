/**
 * When somebody really spoke: found in the samples by their energy, in windows of 5 ms, and gathered into spurts.
 *
 * The threshold lies above the noise of a telephone line and the steps of G.711, and below the quiet sounds of speech. Who judges by the
 * samples needs no word from the bridge: not its events but what was heard is measured.
 */

import { dbfsToAmplitude } from '../../media/level.ts';

/** RMS in dBFS (a full-scale sine reads 0) from which a window counts as sound. */
export const LOUD_DBFS = -45;

/** Length of a window, ms: the resolution of every time that is found by energy. */
export const WINDOW_MS = 5;

/** Silence inside a spurt that does not end it, ms: stops and breaths between syllables are shorter. */
export const SPURT_PAUSE_MS = 200;

/** Sound shorter than this, alone between pauses, is a click and no speech, ms. */
export const CLICK_MS = 20;

/** Receives one loud window, in the clock's ms. Called in order of time. */
export type OnLoud = (fromMs: number, toMs: number) => void;

/** Reads a stream of samples window by window. Allocates nothing per window. */
export class LoudnessWindows {
  readonly #rate: number;
  readonly #window: number;
  /** Sum of squares, of a full window, from which it is loud. A sine's mean square is half that of its peak. */
  readonly #limit: number;
  #sum = 0;
  #filled = 0;

  constructor(sampleRate: number, thresholdDbfs: number = LOUD_DBFS) {
    this.#rate = sampleRate;
    this.#window = (sampleRate * WINDOW_MS) / 1000;
    this.#limit = ((dbfsToAmplitude(thresholdDbfs) * 32_768) ** 2 / 2) * this.#window;
  }

  /** Takes `samples[from..to)`, the first of which sounded at `atMs`; they continue what came before. */
  push(samples: Int16Array, from: number, to: number, atMs: number, onLoud: OnLoud): void {
    let sum = this.#sum;
    let filled = this.#filled;
    for (let i = from; i < to; i++) {
      const sample = samples[i]!;
      sum += sample * sample;
      if (++filled === this.#window) {
        if (sum >= this.#limit) {
          const endMs = atMs + ((i + 1 - from) * 1000) / this.#rate;
          onLoud(endMs - WINDOW_MS, endMs);
        }
        sum = 0;
        filled = 0;
      }
    }
    this.#sum = sum;
    this.#filled = filled;
  }

  /** Forgets a begun window: what follows does not continue what came before. */
  reset(): void {
    this.#sum = 0;
    this.#filled = 0;
  }
}

/** A stretch of speech, ms on the clock that fed it. */
export interface Spurt {
  readonly fromMs: number;
  toMs: number;
}

/** Gathers loud windows into spurts. The last one grows until a pause has ended it. */
export class Spurts {
  readonly list: Spurt[] = [];
  readonly #pauseMs: number;
  /** Sound that may still turn out to be a click. */
  #candidate: Spurt | undefined;

  constructor(pauseMs: number = SPURT_PAUSE_MS) {
    this.#pauseMs = pauseMs;
  }

  /**
   * Adds a loud stretch; times never go back. Returns true when with it a new spurt is sure: `list` then holds it, with the time of its very
   * first sound, which lies up to a pause earlier.
   */
  add(fromMs: number, toMs: number): boolean {
    const last = this.list.at(-1);
    if (last !== undefined && fromMs - last.toMs < this.#pauseMs) {
      if (toMs > last.toMs) last.toMs = toMs;
      return false;
    }
    const candidate = this.#candidate;
    const begun = candidate !== undefined && fromMs - candidate.toMs < this.#pauseMs ? candidate : { fromMs, toMs };
    begun.toMs = toMs;
    // Times are sums of fractions; the small term keeps a rounding error from asking for one window more.
    const sure = begun.toMs - begun.fromMs >= CLICK_MS - 1e-6;
    this.#candidate = sure ? undefined : begun;
    if (sure) this.list.push(begun);
    return sure;
  }

  /** End of the last spurt's sound so far; undefined before the first. */
  get lastMs(): number | undefined {
    return this.list.at(-1)?.toMs;
  }

  /** Whether a spurt goes on at `now`, as far as can be known without the future. */
  active(now: number): boolean {
    const last = this.list.at(-1);
    return last !== undefined && now - last.toMs < this.#pauseMs;
  }
}
