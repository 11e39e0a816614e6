import { Resampler } from './resample.ts';

const RATE = 48_000;
const G711_RATE = 8_000;

/** What libwebrtc decodes of one line, at 48 kHz whatever the codec. */
export class RtcDecoded {
  #resampler: Resampler | undefined;

  /** The same audio at 48 kHz, valid until the next call; undefined for audio of no codec that a line of ours has. */
  at48k(samples: Int16Array, sampleRate: number): Int16Array | undefined {
    if (sampleRate === RATE) return samples;
    // Neither Opus nor G.711 decodes to any other rate: it is the jitter buffer's idle silence from before the first packet.
    if (sampleRate !== G711_RATE) return undefined;
    this.#resampler ??= new Resampler(G711_RATE, RATE);
    return this.#resampler.process(samples);
  }
}
