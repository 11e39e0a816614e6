/**
 * ITU-T G.711 mu-law and A-law, bit-exact to the reference code in ITU-T G.191 (Software Tool Library).
 *
 * The reference takes the magnitude of a negative sample as its one's complement (`~x`), which many ports get wrong by one
 * step for some inputs. Both directions are tables: 16 KiB (mu-law) and 4 KiB (A-law) to encode, since neither
 * law looks at a sample's lowest 2 or 4 bits, and 256 samples per law to decode. Small ones stay in the L1 cache beside the calls.
 * Source: https://www.itu.int/rec/T-REC-G.711 and https://www.itu.int/rec/T-REC-G.191.
 */

/** The mu-law code of digital silence (sample 0). */
export const ULAW_SILENCE = 0xff;
/** The A-law code of digital silence. A-law has no zero: this code decodes to +8, the smallest positive value. */
export const ALAW_SILENCE = 0xd5;

/** The mu-law code of one sample in -32768..32767. */
function ulawCode(x: number): number {
  // The 33 is the law's bias; 0x1FFF is the largest 13-bit magnitude.
  const a = Math.min(0x1fff, ((x < 0 ? ~x : x) >> 2) + 33);
  const segment = 32 - Math.clz32(a >> 6) + 1;
  const code = ((8 - segment) << 4) | (15 - ((a >> segment) & 15));
  return x >= 0 ? code | 0x80 : code;
}

/** The A-law code of one sample in -32768..32767. */
function alawCode(x: number): number {
  let a = (x < 0 ? ~x : x) >> 4;
  if (a > 15) {
    let exponent = 1;
    while (a > 31) {
      a >>= 1;
      exponent++;
    }
    a += (exponent << 4) - 16;
  }
  // The law sends every second bit inverted, so that silence is rich in transitions on the line.
  return (x >= 0 ? a | 0x80 : a) ^ 0x55;
}

/** The sample of one mu-law code: the middle of its interval, with the bias of 33 * 4 taken off again. */
function ulawSample(code: number): number {
  const inverted = ~code;
  const exponent = (inverted >> 4) & 7;
  const magnitude = (0x80 << exponent) + (8 << exponent) * (inverted & 15) + (4 << exponent) - 132;
  return code < 0x80 ? -magnitude : magnitude;
}

/** The sample of one A-law code. */
function alawSample(code: number): number {
  const a = (code ^ 0x55) & 0x7f;
  const exponent = a >> 4;
  let magnitude = ((a & 15) << 4) + 8;
  if (exponent > 0) magnitude = (magnitude + 0x100) << (exponent - 1);
  return code < 0x80 ? -magnitude : magnitude;
}

/** One code for all samples that differ only in their lowest `drop` bits; the index is the rest of the sample's unsigned 16-bit pattern. */
function encodeTable(codeOf: (x: number) => number, drop: number): Uint8Array {
  const table = new Uint8Array(65_536 >> drop);
  for (let i = 0; i < table.length; i++) table[i] = codeOf((i << (16 + drop)) >> 16);
  return table;
}

/** Bits of a 16-bit sample that a law does not look at. */
const ULAW_DROP = 2;
const ALAW_DROP = 4;

/** One sample for each of the 256 codes. */
function decodeTable(sampleOf: (code: number) => number): Int16Array {
  const table = new Int16Array(256);
  for (let code = 0; code < 256; code++) table[code] = sampleOf(code);
  return table;
}

const ULAW_CODES = encodeTable(ulawCode, ULAW_DROP);
const ALAW_CODES = encodeTable(alawCode, ALAW_DROP);
const ULAW_SAMPLES = decodeTable(ulawSample);
const ALAW_SAMPLES = decodeTable(alawSample);

function encode(table: Uint8Array, drop: number, src: Int16Array, dst: Uint8Array, dstOffset: number): number {
  const count = Math.max(0, Math.min(src.length, dst.length - dstOffset));
  for (let i = 0; i < count; i++) dst[dstOffset + i] = table[(src[i]! & 0xffff) >> drop]!;
  return count;
}

function decode(table: Int16Array, src: Uint8Array, dst: Int16Array): number {
  const count = Math.min(src.length, dst.length);
  for (let i = 0; i < count; i++) dst[i] = table[src[i]!]!;
  return count;
}

/**
 * Encodes samples to mu-law, one byte each, into `dst` from `dstOffset` on.
 * Never throws: what does not fit in `dst` is left out. Returns the number of bytes written.
 */
export function ulawEncode(src: Int16Array, dst: Uint8Array, dstOffset = 0): number {
  return encode(ULAW_CODES, ULAW_DROP, src, dst, dstOffset);
}

/** Decodes mu-law bytes, one sample each, into `dst`. What does not fit is left out. Returns the samples written. */
export function ulawDecode(src: Uint8Array, dst: Int16Array): number {
  return decode(ULAW_SAMPLES, src, dst);
}

/** As `ulawEncode`, for A-law. */
export function alawEncode(src: Int16Array, dst: Uint8Array, dstOffset = 0): number {
  return encode(ALAW_CODES, ALAW_DROP, src, dst, dstOffset);
}

/** As `ulawDecode`, for A-law. */
export function alawDecode(src: Uint8Array, dst: Int16Array): number {
  return decode(ALAW_SAMPLES, src, dst);
}
