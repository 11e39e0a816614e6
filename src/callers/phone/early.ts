import { samplesToMs } from '../../media/frame.ts';

/** What the caller said and pressed before the call was ready to hear it: kept for a short while, in order, the oldest given up first. */

export type EarlyItem =
  | { readonly kind: 'media'; readonly samples: Int16Array; readonly timestampMs: number | undefined }
  | { readonly kind: 'dtmf'; readonly digit: string; readonly durationMs: number | undefined };

/** Digits beyond this many are nobody's typing. */
const MAX_DIGITS = 64;

export class EarlyBuffer {
  readonly #rate: number;
  readonly #maxMs: number;
  #items: EarlyItem[] = [];
  #ms = 0;
  #digits = 0;

  constructor(sampleRate: number, maxMs: number) {
    this.#rate = sampleRate;
    this.#maxMs = maxMs;
  }

  /** Keeps a copy of a frame; returns the ms of older audio given up for it. */
  media(samples: Int16Array, timestampMs: number | undefined): number {
    this.#items.push({ kind: 'media', samples: samples.slice(), timestampMs });
    this.#ms += samplesToMs(samples.length, this.#rate);
    let dropped = 0;
    while (this.#ms > this.#maxMs) {
      const index = this.#items.findIndex((item) => item.kind === 'media');
      const [item] = this.#items.splice(index, 1);
      if (item?.kind !== 'media') break;
      const ms = samplesToMs(item.samples.length, this.#rate);
      this.#ms -= ms;
      dropped += ms;
    }
    return dropped;
  }

  dtmf(digit: string, durationMs: number | undefined): void {
    if (this.#digits >= MAX_DIGITS) return;
    this.#digits++;
    this.#items.push({ kind: 'dtmf', digit, durationMs });
  }

  /** Empties the buffer. */
  take(): EarlyItem[] {
    const items = this.#items;
    this.#items = [];
    this.#ms = 0;
    this.#digits = 0;
    return items;
  }
}
