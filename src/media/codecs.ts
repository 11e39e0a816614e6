/**
 * The codecs a media WebSocket speaks, behind one shape, so that a wire chooses its codec once per call and never asks again.
 * All are stateless: one object serves every call.
 */

import { ALAW_SILENCE, alawDecode, alawEncode, ULAW_SILENCE, ulawDecode, ulawEncode } from './g711.ts';
import { type ByteOrder, l16Decode, l16Encode } from './l16.ts';

/** A sample-by-sample codec: every sample is `bytesPerSample` bytes, whatever the packet. */
export interface Codec {
  /** The field's name, as a log shows it: "pcmu", "pcma", "l16/24000/le". */
  readonly name: string;
  /** Hz. */
  readonly sampleRate: number;
  readonly bytesPerSample: 1 | 2;
  /** The byte that, repeated, is silence. */
  readonly silence: number;
  /** Bytes to samples in the caller's buffer; returns the samples written. What does not fit, or is half a sample, is left out. */
  decode(bytes: Uint8Array, dst: Int16Array): number;
  /** Samples to bytes in the caller's buffer; returns the bytes written. What does not fit is left out. */
  encode(samples: Int16Array, dst: Uint8Array): number;
}

/** G.711 mu-law at 8 kHz: RFC 3551 payload type 0, and what carriers send as `audio/x-mulaw`. */
export const pcmu: Codec = Object.freeze({
  name: 'pcmu',
  sampleRate: 8000,
  bytesPerSample: 1,
  silence: ULAW_SILENCE,
  decode: ulawDecode,
  encode: (samples: Int16Array, dst: Uint8Array) => ulawEncode(samples, dst),
});

/** G.711 A-law at 8 kHz: RFC 3551 payload type 8. */
export const pcma: Codec = Object.freeze({
  name: 'pcma',
  sampleRate: 8000,
  bytesPerSample: 1,
  silence: ALAW_SILENCE,
  decode: alawDecode,
  encode: (samples: Int16Array, dst: Uint8Array) => alawEncode(samples, dst),
});

/** Linear 16-bit PCM at `sampleRate` Hz in the stated byte order. Throws a RangeError for a rate that is not a positive integer. */
export function l16(sampleRate: number, order: ByteOrder): Codec {
  if (!Number.isInteger(sampleRate) || sampleRate <= 0) throw new RangeError(`l16: not a sample rate: ${sampleRate}`);
  return Object.freeze({
    name: `l16/${sampleRate}/${order}`,
    sampleRate,
    bytesPerSample: 2,
    silence: 0,
    decode: (bytes: Uint8Array, dst: Int16Array) => l16Decode(bytes, dst, order),
    encode: (samples: Int16Array, dst: Uint8Array) => l16Encode(samples, dst, order),
  });
}
