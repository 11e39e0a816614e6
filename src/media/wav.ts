/**
 * WAV files (RIFF WAVE) in memory: written as 16-bit PCM, read as 16-bit PCM, mu-law or A-law.
 * Source: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0" and the WAVE_FORMAT_EXTENSIBLE page
 * (https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-waveformatextensible).
 */

import { alawDecode, ulawDecode } from './g711.ts';
import { l16Decode } from './l16.ts';

/** Why a WAV file was refused. */
export type WavErrorCode =
  | 'WAV_NOT_RIFF'
  | 'WAV_TRUNCATED'
  | 'WAV_NO_FORMAT'
  | 'WAV_NO_DATA'
  | 'WAV_UNSUPPORTED'
  | 'WAV_INVALID';

export class WavError extends Error {
  readonly code: WavErrorCode;

  constructor(code: WavErrorCode, message: string) {
    super(message);
    this.name = 'WavError';
    this.code = code;
  }
}

/** Bytes of the header that `wavHeader` makes. */
export const WAV_HEADER_BYTES = 44;

const FORMAT_PCM = 1;
const FORMAT_ALAW = 6;
const FORMAT_ULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;
/** The size field of a stream whose end is not known yet; readers take it as "to the end of the file". */
const UNKNOWN_SIZE = 0xffff_ffff;

/** The last 14 bytes of a sub-format GUID that only wraps one of the plain format numbers (KSDATAFORMAT_SUBTYPE_*). */
const SUBFORMAT_TAIL = [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71] as const;

/**
 * The 44-byte header of a 16-bit PCM file whose samples follow.
 * `dataBytes`: the length of the samples in bytes; left out, the header is that of a stream still being written, to be replaced by one
 * with the length once it is known. Throws a WavError `WAV_INVALID` for a form the format cannot express.
 */
export function wavHeader(channels: number, rate: number, dataBytes?: number): Uint8Array {
  if (!Number.isInteger(channels) || channels < 1 || channels > 0xffff) {
    throw new WavError('WAV_INVALID', `not a number of channels: ${channels}`);
  }
  if (!Number.isInteger(rate) || rate < 1 || rate * channels * 2 > 0xffff_ffff) {
    throw new WavError('WAV_INVALID', `not a sample rate: ${rate}`);
  }
  if (dataBytes !== undefined && !(Number.isInteger(dataBytes) && dataBytes >= 0 && dataBytes <= UNKNOWN_SIZE - 36)) {
    throw new WavError('WAV_INVALID', `not a length a WAV file can have: ${dataBytes} bytes`);
  }
  const header = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(header.buffer);
  putTag(header, 0, 'RIFF');
  view.setUint32(4, dataBytes === undefined ? UNKNOWN_SIZE : dataBytes + 36, true);
  putTag(header, 8, 'WAVE');
  putTag(header, 12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, FORMAT_PCM, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  putTag(header, 36, 'data');
  view.setUint32(40, dataBytes ?? UNKNOWN_SIZE, true);
  return header;
}

/**
 * Interleaves the channels as the bytes that follow a header. Channels of different lengths are padded with silence to the longest.
 * Writing a file piece by piece is `wavHeader(n, rate)`, then this for every piece, then the header again with the length.
 */
export function interleave(channels: readonly Int16Array[]): Uint8Array {
  const frames = channels.reduce((longest, channel) => Math.max(longest, channel.length), 0);
  const bytes = new Uint8Array(frames * channels.length * 2);
  for (let c = 0; c < channels.length; c++) {
    const channel = channels[c]!;
    for (let i = 0; i < channel.length; i++) {
      const at = (i * channels.length + c) * 2;
      bytes[at] = channel[i]!;
      bytes[at + 1] = channel[i]! >> 8;
    }
  }
  return bytes;
}

/** A whole 16-bit PCM file of one or more channels at `rate` Hz. Throws a WavError `WAV_INVALID` as `wavHeader` does. */
export function encodeWav(channels: readonly Int16Array[], rate: number): Uint8Array {
  const data = interleave(channels);
  const file = new Uint8Array(WAV_HEADER_BYTES + data.length);
  file.set(wavHeader(channels.length, rate, data.length));
  file.set(data, WAV_HEADER_BYTES);
  return file;
}

interface Format {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bytesPerSample: number;
}

/**
 * Reads a whole file. Unknown chunks are skipped; odd chunks have their padding byte; a data chunk that claims more than the file
 * holds (a recording that was cut short, or a stream's header) is read as far as it goes.
 * Throws a WavError with one of `WavErrorCode`, and nothing else, for any bytes whatever.
 */
export function decodeWav(bytes: Uint8Array): { sampleRate: number; channels: Int16Array[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !hasTag(bytes, 0, 'RIFF') || !hasTag(bytes, 8, 'WAVE')) {
    throw new WavError('WAV_NOT_RIFF', 'the bytes do not begin as a RIFF WAVE file');
  }
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    const end = Math.min(bytes.length, start + size);
    if (hasTag(bytes, at, 'fmt ')) {
      format = readFormat(bytes, view, start, size);
    } else if (hasTag(bytes, at, 'data')) {
      if (!format) throw new WavError('WAV_NO_FORMAT', 'the samples come before the format');
      return { sampleRate: format.sampleRate, channels: deinterleave(bytes.subarray(start, end), format) };
    }
    at = start + size + (size & 1);
  }
  if (!format) throw new WavError('WAV_NO_FORMAT', 'the file has no fmt chunk');
  throw new WavError('WAV_NO_DATA', 'the file has no data chunk');
}

function readFormat(bytes: Uint8Array, view: DataView, start: number, size: number): Format {
  if (size < 16) throw new WavError('WAV_INVALID', `the fmt chunk has ${size} bytes, at least 16 are needed`);
  if (start + size > bytes.length) throw new WavError('WAV_TRUNCATED', 'the file ends within its fmt chunk');
  let tag = view.getUint16(start, true);
  const channels = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  const blockAlign = view.getUint16(start + 12, true);
  const bits = view.getUint16(start + 14, true);
  if (tag === FORMAT_EXTENSIBLE) {
    if (size < 40) throw new WavError('WAV_INVALID', `the extensible fmt chunk has ${size} bytes, 40 are needed`);
    if (!SUBFORMAT_TAIL.every((byte, i) => bytes[start + 26 + i] === byte)) {
      throw new WavError('WAV_UNSUPPORTED', 'the sub-format is not one of the plain formats');
    }
    tag = view.getUint16(start + 24, true);
  }
  const wanted = tag === FORMAT_PCM ? 16 : tag === FORMAT_ALAW || tag === FORMAT_ULAW ? 8 : undefined;
  if (wanted === undefined || bits !== wanted) {
    throw new WavError('WAV_UNSUPPORTED', `format ${tag} with ${bits} bits is not 16-bit PCM, mu-law or A-law`);
  }
  if (channels === 0) throw new WavError('WAV_INVALID', 'the file has no channels');
  if (sampleRate === 0) throw new WavError('WAV_INVALID', 'the sample rate is 0');
  if (blockAlign !== (channels * bits) / 8) {
    throw new WavError('WAV_INVALID', `blocks of ${blockAlign} bytes do not hold ${channels} channels of ${bits} bits`);
  }
  return { tag, channels, sampleRate, bytesPerSample: bits / 8 };
}

function deinterleave(data: Uint8Array, format: Format): Int16Array[] {
  const frames = Math.floor(data.length / (format.channels * format.bytesPerSample));
  const samples = new Int16Array(frames * format.channels);
  if (format.tag === FORMAT_PCM) l16Decode(data, samples, 'le');
  else if (format.tag === FORMAT_ULAW) ulawDecode(data, samples);
  else alawDecode(data, samples);
  if (format.channels === 1) return [samples];
  const channels: Int16Array[] = [];
  for (let c = 0; c < format.channels; c++) {
    const channel = new Int16Array(frames);
    for (let i = 0; i < frames; i++) channel[i] = samples[i * format.channels + c]!;
    channels.push(channel);
  }
  return channels;
}

function putTag(bytes: Uint8Array, at: number, tag: string): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = tag.charCodeAt(i);
}

function hasTag(bytes: Uint8Array, at: number, tag: string): boolean {
  for (let i = 0; i < 4; i++) if (bytes[at + i] !== tag.charCodeAt(i)) return false;
  return true;
}
