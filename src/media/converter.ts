import type { PcmFrame } from './frame.ts';
import { Resampler } from './resample.ts';

/** Brings frames of whatever rate to one, without moving them in time: what the filter holds back at its start is left out. */
export class Converter {
  readonly #rate: number;
  #resampler: Resampler | undefined;
  /** Samples of the filter's delay still to be left out. */
  #skip = 0;

  /** `rate` in Hz: what all frames become. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** The result is borrowed. Throws a RangeError for a pair of rates the resampler does not know. */
  convert({ samples, sampleRate }: PcmFrame): Int16Array {
    if (sampleRate === this.#rate) return samples;
    if (this.#resampler?.from !== sampleRate) {
      this.#resampler = new Resampler(sampleRate, this.#rate);
      this.#skip = this.#resampler.latencySamples;
    }
    const converted = this.#resampler.process(samples);
    const skip = Math.min(this.#skip, converted.length);
    this.#skip -= skip;
    return skip === 0 ? converted : converted.subarray(skip);
  }

  /** Forgets the past: the next frame begins a new stream. */
  reset(): void {
    this.#resampler?.reset();
    this.#skip = this.#resampler?.latencySamples ?? 0;
  }
}
