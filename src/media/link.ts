/**
 * Joins a source of one rate to a sink of another. Conversion happens only when the rates differ, and the path prints itself.
 */

import type { AudioSink, PcmFrame } from './frame.ts';
import { Resampler } from './resample.ts';

/** A sink in front of another of a different rate. */
export class ResamplingSink implements AudioSink {
  readonly sampleRate: number;
  readonly #inner: AudioSink;
  readonly #resampler: Resampler;
  /** One frame object for the sink's life: frames are borrowed, so the next write may reuse it. */
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };
  #dropped = 0;

  /** Throws a RangeError for a pair of rates the resampler does not know. */
  constructor(fromRate: number, inner: AudioSink) {
    this.sampleRate = fromRate;
    this.#inner = inner;
    this.#resampler = new Resampler(fromRate, inner.sampleRate);
    this.#frame = { samples: new Int16Array(0), sampleRate: inner.sampleRate };
  }

  /** Milliseconds the conversion holds the audio back. */
  get latencyMs(): number {
    return this.#resampler.latencyMs;
  }

  /** Frames dropped because their rate was not this sink's. */
  get dropped(): number {
    return this.#dropped;
  }

  write(frame: PcmFrame): void {
    if (frame.sampleRate !== this.sampleRate) {
      this.#dropped++;
      return;
    }
    const samples = this.#resampler.process(frame.samples);
    if (samples.length === 0) return;
    this.#frame.samples = samples;
    this.#inner.write(this.#frame);
  }

  clear(): void {
    // The filter's tail belongs to the audio that was discarded; without this it would be heard before the next utterance.
    this.#resampler.reset();
    this.#inner.clear();
  }

  toString(): string {
    return `resample(${this.sampleRate}>${this.#inner.sampleRate}) -> ${this.#inner.toString()}`;
  }
}

/**
 * A sink that takes `fromRate` Hz and ends in `sink`: `sink` itself when the rates match, else one that resamples in front of it.
 * Throws a RangeError, at the joining and never later, for a pair of rates the resampler does not know.
 */
export function link(fromRate: number, sink: AudioSink): AudioSink {
  return fromRate === sink.sampleRate ? sink : new ResamplingSink(fromRate, sink);
}
