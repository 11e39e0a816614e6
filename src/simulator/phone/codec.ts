/**
 * The codecs of a media stream by the names that one carrier gives them (https://developer.signalwire.com/compatibility-api/cxml/voice/stream,
 * "Supported codecs"), and by the same form those that others have.
 */

import { type Codec, l16, pcma, pcmu } from '../../media/codecs.ts';
import type { ByteOrder } from '../../media/l16.ts';

/** Name and rate in Hz, as they stand in the `codec` attribute without its trailing "h". */
export type CodecName = 'PCMU@8000' | 'PCMA@8000' | 'L16@8000' | 'L16@16000' | 'L16@24000';

export const CODEC_NAMES: readonly CodecName[] = ['PCMU@8000', 'PCMA@8000', 'L16@8000', 'L16@16000', 'L16@24000'];

/** Those that SignalWire's `<Stream>` takes. https://developer.signalwire.com/compatibility-api/cxml/voice/stream */
export const STREAM_CODECS: readonly CodecName[] = ['PCMU@8000', 'L16@16000', 'L16@24000'];

/** Milliseconds of audio in every frame the phone sends. */
export const FRAME_MS = 20;

/** Reads "PCMU", "PCMA", "PCMU@8000h", "L16@24000h" and the others (the "h" may be missing); undefined for anything else. */
export function parseCodecName(text: string): CodecName | undefined {
  const name = text.endsWith('h') ? text.slice(0, -1) : text;
  return CODEC_NAMES.find((known) => known === (/^PCM[UA]$/.test(name) ? `${name}@8000` : name));
}

/** `start.mediaFormat` of a stream in this codec, as JSON. The capital L is how SignalWire writes it. */
export function mediaFormatJson(name: CodecName): string {
  const encoding = name === 'PCMU@8000' ? 'audio/x-mulaw' : name === 'PCMA@8000' ? 'audio/x-alaw' : 'audio/x-L16';
  return `{"encoding":"${encoding}","sampleRate":${name.slice(name.indexOf('@') + 1)},"channels":1}`;
}

/** The codec itself. `order` matters to L16 alone; SignalWire does not document it, and little endian is what its own sample needs. */
export function streamCodec(name: CodecName, order: ByteOrder = 'le'): Codec {
  switch (name) {
    case 'PCMU@8000':
      return pcmu;
    case 'PCMA@8000':
      return pcma;
    case 'L16@8000':
      return l16(8_000, order);
    case 'L16@16000':
      return l16(16_000, order);
    case 'L16@24000':
      return l16(24_000, order);
  }
}
