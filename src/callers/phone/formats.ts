/**
 * Which codec a stream's stated format is. What is not here is refused at the start of the stream: a wrong guess would be noise in the
 * caller's ear.
 */

import { type Codec, l16, pcma, pcmu } from '../../media/codecs.ts';
import type { ByteOrder } from '../../media/l16.ts';
import type { MediaFormat } from './protocol.ts';

/** Rates at which carriers send linear PCM, Hz. */
const L16_RATES = [8000, 16_000, 24_000];

/**
 * The codec of `format`, undefined when it is not spoken here. Encodings compare without regard to case: the same carrier writes
 * "audio/x-L16" and "audio/x-l16". No carrier documents the byte order of L16, so it is a setting.
 */
export function codecFor(format: MediaFormat, l16ByteOrder: ByteOrder): Codec | undefined {
  if (format.channels !== 1) return undefined;
  switch (format.encoding.toLowerCase()) {
    case 'audio/x-mulaw':
      return format.sampleRate === 8000 ? pcmu : undefined;
    case 'audio/x-alaw':
      return format.sampleRate === 8000 ? pcma : undefined;
    case 'audio/x-l16':
      return L16_RATES.includes(format.sampleRate) ? l16(format.sampleRate, l16ByteOrder) : undefined;
    default:
      return undefined;
  }
}

/** "pcmu@8000", "l16le@24000": the codec as the audio path shows it. */
export function codecLabel(codec: Codec, l16ByteOrder: ByteOrder): string {
  const name = codec.bytesPerSample === 2 ? `l16${l16ByteOrder}` : codec.name;
  return `${name}@${codec.sampleRate}`;
}
