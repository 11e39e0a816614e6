import { readFileSync } from 'node:fs';
import { ulawEncode } from '../../src/media/g711.ts';
import { Resampler } from '../../src/media/resample.ts';
import { decodeWav } from '../../src/media/wav.ts';

/** The model of a load speaks for so long, so often, ms: half of the time. */
export const SPEAK_MS = 3_000;
export const EVERY_MS = 6_000;

/** The recorded sentence that phones and models of the load speak, at the rate wanted. */
export function speech(rate: 8_000 | 24_000 | 48_000): Int16Array {
  const file = new URL('../../src/simulator/assets/speech.wav', import.meta.url);
  const { channels, sampleRate } = decodeWav(readFileSync(file));
  return new Resampler(sampleRate, rate).process(channels[0] ?? new Int16Array(0)).slice();
}

/** The same as mu-law bytes. */
export function ulawSpeech(): Uint8Array {
  const samples = speech(8_000);
  const bytes = new Uint8Array(samples.length);
  ulawEncode(samples, bytes);
  return bytes;
}

/**
 * A frame's name, written into its first 12 bytes of mu-law: it comes through decoding and encoding unharmed, since all its codes have
 * the sign bit and none is 0xFF (0x7F, the other code of zero, would come back as 0xFF). 16 characters of base64.
 */
const MARKER = [0x95, 0xaa, 0x9c] as const;
export const MARKER_BYTES = 12;
const scratch = Buffer.alloc(MARKER_BYTES, 0xa0);
scratch.set(MARKER);

/** The marker of frame `sequence` (18 bits are kept) of phone `phone` (12 bits) as base64. */
export function marker(phone: number, sequence: number): string {
  scratch[3] = 0x80 | ((phone >> 6) & 63);
  scratch[4] = 0x80 | (phone & 63);
  scratch[5] = 0x80 | ((sequence >> 12) & 63);
  scratch[6] = 0x80 | ((sequence >> 6) & 63);
  scratch[7] = 0x80 | (sequence & 63);
  return scratch.toString('base64');
}

const VALUE = new Int8Array(256);
for (let i = 0; i < 64; i++)
  VALUE['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(i)] = i;
const read = new Uint8Array(MARKER_BYTES);

/** Reads the marker at `at` in a message; -1 where there is none, else `phone * 2 ** 18 + sequence`. */
export function readMarker(message: Buffer, at: number): number {
  for (let i = 0, j = 0; j < MARKER_BYTES; i += 4) {
    const bits =
      (VALUE[message[at + i]!]! << 18) |
      (VALUE[message[at + i + 1]!]! << 12) |
      (VALUE[message[at + i + 2]!]! << 6) |
      VALUE[message[at + i + 3]!]!;
    read[j++] = bits >> 16;
    read[j++] = bits >> 8;
    read[j++] = bits;
  }
  if (read[0] !== MARKER[0] || read[1] !== MARKER[1] || read[2] !== MARKER[2]) return -1;
  const phone = ((read[3]! & 63) << 6) | (read[4]! & 63);
  const sequence = ((read[5]! & 63) << 12) | ((read[6]! & 63) << 6) | (read[7]! & 63);
  return phone * 2 ** 18 + sequence;
}

/** Whether the last 1.5 ms of a message's mu-law, whose base64 ends before `end`, hold sound above -60 dBFS or so. */
export function endsInSound(message: Buffer, end: number): boolean {
  for (let at = end - 20; at < end - 4; at += 4) {
    const bits =
      (VALUE[message[at]!]! << 18) |
      (VALUE[message[at + 1]!]! << 12) |
      (VALUE[message[at + 2]!]! << 6) |
      VALUE[message[at + 3]!]!;
    for (let shift = 0; shift <= 16; shift += 8) if ((~(bits >> shift) & 0x7f) > 4) return true;
  }
  return false;
}
