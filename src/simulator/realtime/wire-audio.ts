import { type Codec, l16, pcma, pcmu } from '../../media/codecs.ts';
import { Resampler } from '../../media/resample.ts';
import { ServiceError } from './service-error.ts';
import type { AudioFormat } from './session-config.ts';
import { SPEECH_RATE } from './speech.ts';

/** Audio inside events: base64 of PCM16 little endian at 24 kHz, or of G.711 at 8 kHz. */

const pcm24 = l16(SPEECH_RATE, 'le');

export function codecOf(format: AudioFormat): Codec {
  switch (format.type) {
    case 'audio/pcm':
      return pcm24;
    case 'audio/pcmu':
      return pcmu;
    case 'audio/pcma':
      return pcma;
    default:
      return format satisfies never;
  }
}

/** 24 kHz samples to base64 in one format. One per response: the rate conversion has a memory. */
export class WireEncoder {
  readonly #codec: Codec;
  readonly #resampler: Resampler | undefined;

  constructor(format: AudioFormat) {
    this.#codec = codecOf(format);
    this.#resampler =
      this.#codec.sampleRate === SPEECH_RATE ? undefined : new Resampler(SPEECH_RATE, this.#codec.sampleRate);
  }

  encode(samples: Int16Array): string {
    const converted = this.#resampler?.process(samples) ?? samples;
    const bytes = Buffer.allocUnsafe(converted.length * this.#codec.bytesPerSample);
    this.#codec.encode(converted, bytes);
    return bytes.toString('base64');
  }
}

/** Base64 of a client's audio to 24 kHz samples. One per session and format. */
export class WireDecoder {
  readonly #codec: Codec;
  readonly #resampler: Resampler | undefined;
  #samples = new Int16Array(4_800);

  constructor(format: AudioFormat) {
    this.#codec = codecOf(format);
    this.#resampler =
      this.#codec.sampleRate === SPEECH_RATE ? undefined : new Resampler(this.#codec.sampleRate, SPEECH_RATE);
  }

  /** The samples are borrowed until the next call. Throws a ServiceError for what is not base64 or ends within a sample. */
  decode(base64: string): Int16Array {
    const bytes = Buffer.from(base64, 'base64');
    // Node skips what is not base64 instead of failing; the length gives it away.
    const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
    if (base64.length % 4 !== 0 || bytes.length !== (base64.length / 4) * 3 - padding) {
      throw new ServiceError("Invalid 'audio'. Expected base64-encoded audio bytes.", {
        code: 'invalid_value',
        param: 'audio',
      });
    }
    if (bytes.length % this.#codec.bytesPerSample !== 0) {
      throw new ServiceError("Invalid 'audio'. The audio ends within a sample.", {
        code: 'invalid_value',
        param: 'audio',
      });
    }
    const count = bytes.length / this.#codec.bytesPerSample;
    if (count > this.#samples.length) this.#samples = new Int16Array(count);
    this.#codec.decode(bytes, this.#samples);
    const samples = this.#samples.subarray(0, count);
    return this.#resampler?.process(samples) ?? samples;
  }
}
