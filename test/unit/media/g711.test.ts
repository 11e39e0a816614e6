import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ALAW_SILENCE, alawDecode, alawEncode, ULAW_SILENCE, ulawDecode, ulawEncode } from '../../../src/media/g711.ts';

// Hashes of the tables that the ITU-T G.191 reference code produces: encoding is a byte per sample from -32768 to 32767 in order,
// decoding is int16 little endian for the codes 0 to 255 in order.
const REFERENCE = {
  ulawEncode: '90c29de505fb68e766118303bd552a16005dcf810873698bee1d8f3b247ce28c',
  alawEncode: '38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b',
  ulawDecode: '3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827',
  alawDecode: 'e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174',
};

const everySample = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
const everyCode = Uint8Array.from({ length: 256 }, (_, i) => i);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function littleEndian(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  samples.forEach((sample, i) => {
    view.setInt16(2 * i, sample, true);
  });
  return bytes;
}

describe.each([
  { law: 'mu-law', encode: ulawEncode, decode: ulawDecode, enc: REFERENCE.ulawEncode, dec: REFERENCE.ulawDecode },
  { law: 'A-law', encode: alawEncode, decode: alawDecode, enc: REFERENCE.alawEncode, dec: REFERENCE.alawDecode },
])('G.711 $law', ({ law, encode, decode, enc, dec }) => {
  it('encodes all 65,536 samples as the reference does', () => {
    const codes = new Uint8Array(65_536);
    expect(encode(everySample, codes)).toBe(65_536);
    expect(sha256(codes)).toBe(enc);
  });

  it('decodes all 256 codes as the reference does', () => {
    const samples = new Int16Array(256);
    expect(decode(everyCode, samples)).toBe(256);
    expect(sha256(littleEndian(samples))).toBe(dec);
  });

  it('gives every code back that was decoded, but for the two zeros of mu-law', () => {
    const samples = new Int16Array(256);
    decode(everyCode, samples);
    const codes = new Uint8Array(256);
    encode(samples, codes);
    const changed = [...codes.keys()].filter((code) => codes[code] !== code);
    expect(changed).toEqual(law === 'mu-law' ? [0x7f] : []);
  });

  it('writes from the offset on and leaves the rest alone', () => {
    const dst = new Uint8Array(5).fill(1);
    expect(encode(Int16Array.of(32_767, -32_768), dst, 2)).toBe(2);
    expect([dst[0], dst[1], dst[4]]).toEqual([1, 1, 1]);
    expect(dst[2]).not.toBe(1);
  });

  it('leaves out what does not fit and never throws', () => {
    expect(encode(new Int16Array(10), new Uint8Array(4))).toBe(4);
    expect(encode(new Int16Array(10), new Uint8Array(4), 3)).toBe(1);
    expect(encode(new Int16Array(10), new Uint8Array(4), 9)).toBe(0);
    expect(decode(new Uint8Array(10), new Int16Array(3))).toBe(3);
  });
});

describe('G.711 silence', () => {
  it('is the code of sample 0', () => {
    const code = new Uint8Array(1);
    ulawEncode(Int16Array.of(0), code);
    expect(code[0]).toBe(ULAW_SILENCE);
    alawEncode(Int16Array.of(0), code);
    expect(code[0]).toBe(ALAW_SILENCE);
  });

  it('decodes to 0 in mu-law and to 8 in A-law, which has no zero', () => {
    const sample = new Int16Array(1);
    ulawDecode(Uint8Array.of(ULAW_SILENCE), sample);
    expect(sample[0]).toBe(0);
    alawDecode(Uint8Array.of(ALAW_SILENCE), sample);
    expect(sample[0]).toBe(8);
  });
});
