import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alawEncode, ulawEncode } from '../../../src/media/g711.ts';
import { decodeWav, encodeWav, interleave, WavError, wavHeader } from '../../../src/media/wav.ts';

const left = Int16Array.of(1, -2, 32_767, -32_768);
const right = Int16Array.of(5, 6, 7, 8);

function chunk(tag: string, body: readonly number[]): number[] {
  const size = body.length;
  const padding = size % 2 === 1 ? [0] : [];
  return [...ascii(tag), size & 255, (size >> 8) & 255, (size >> 16) & 255, size >>> 24, ...body, ...padding];
}

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}

function fmt(tag: number, channels: number, rate: number, bits: number, extra: readonly number[] = []): number[] {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint16(0, tag, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, rate, true);
  view.setUint32(8, (rate * channels * bits) / 8, true);
  view.setUint16(12, (channels * bits) / 8, true);
  view.setUint16(14, bits, true);
  return chunk('fmt ', [...body, ...extra]);
}

function riff(...chunks: readonly number[][]): Uint8Array {
  return Uint8Array.from([...ascii('RIFF'), 0, 0, 0, 0, ...ascii('WAVE'), ...chunks.flat()]);
}

/** The tail of the fmt chunk of WAVE_FORMAT_EXTENSIBLE: its size, valid bits, speaker mask and sub-format GUID. */
function extension(tag: number, tail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]): number[] {
  return [22, 0, 16, 0, 3, 0, 0, 0, tag & 255, tag >> 8, ...tail];
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeWav(bytes);
    return 'none';
  } catch (error) {
    return error instanceof WavError ? error.code : `not a WavError: ${String(error)}`;
  }
}

describe('encodeWav', () => {
  it('writes the canonical 44-byte header', () => {
    const file = encodeWav([Int16Array.of(0x1234)], 8000);
    expect([...file]).toEqual([
      ...ascii('RIFF'),
      ...[38, 0, 0, 0],
      ...ascii('WAVEfmt '),
      ...[16, 0, 0, 0, 1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0],
      ...ascii('data'),
      ...[2, 0, 0, 0, 0x34, 0x12],
    ]);
  });

  it('is read back as it was', () => {
    expect(decodeWav(encodeWav([left, right], 24_000))).toEqual({ sampleRate: 24_000, channels: [left, right] });
    expect(decodeWav(encodeWav([left], 8000))).toEqual({ sampleRate: 8000, channels: [left] });
  });

  it('pads the shorter channel with silence', () => {
    const { channels } = decodeWav(encodeWav([left, Int16Array.of(9)], 8000));
    expect(channels).toEqual([left, Int16Array.of(9, 0, 0, 0)]);
  });

  it('writes a file piece by piece', () => {
    const pieces = [wavHeader(2, 8000), interleave([left, right]), interleave([right, left])];
    const file = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
    const both = [Int16Array.of(...left, ...right), Int16Array.of(...right, ...left)];
    expect(decodeWav(file).channels).toEqual(both);
    file.set(wavHeader(2, 8000, file.length - 44));
    expect(file).toEqual(encodeWav(both, 8000));
  });

  it('refuses what the format cannot express', () => {
    for (const make of [
      () => wavHeader(0, 8000),
      () => wavHeader(1, 0),
      () => wavHeader(1, Number.NaN),
      () => wavHeader(1, 8000, 2 ** 32),
      () => encodeWav([], 8000),
    ]) {
      expect(make).toThrow(expect.objectContaining({ name: 'WavError', code: 'WAV_INVALID' }));
    }
  });
});

describe('decodeWav', () => {
  it('reads mu-law and A-law', () => {
    const samples = Int16Array.of(0, 132, -132, 8031);
    for (const [tag, encode] of [[7, ulawEncode] as const, [6, alawEncode] as const]) {
      const codes = new Uint8Array(4);
      encode(samples, codes);
      const { channels, sampleRate } = decodeWav(riff(fmt(tag, 1, 8000, 8, [0, 0]), chunk('data', [...codes])));
      expect(sampleRate).toBe(8000);
      const again = new Uint8Array(4);
      encode(channels[0]!, again);
      expect(again).toEqual(codes);
    }
  });

  it('reads WAVE_FORMAT_EXTENSIBLE', () => {
    const data = chunk('data', [...interleave([left, right])]);
    expect(decodeWav(riff(fmt(0xfffe, 2, 48_000, 16, extension(1)), data)).channels).toEqual([left, right]);
  });

  it('skips chunks it does not know, odd ones with their padding', () => {
    const file = riff(
      chunk('LIST', ascii('abc')),
      fmt(1, 1, 8000, 16),
      chunk('fact', [1, 2, 3, 4]),
      chunk('data', [1, 0, 2, 0]),
      chunk('id3 ', [1]),
    );
    expect(decodeWav(file).channels).toEqual([Int16Array.of(1, 2)]);
  });

  it('reads a file that was cut short as far as it goes', () => {
    const file = encodeWav([left, right], 8000);
    expect(decodeWav(file.subarray(0, file.length - 3)).channels).toEqual([left.subarray(0, 3), right.subarray(0, 3)]);
  });

  it('reads bytes at an odd address', () => {
    const file = encodeWav([left], 8000);
    const moved = new Uint8Array(file.length + 1);
    moved.set(file, 1);
    expect(decodeWav(moved.subarray(1)).channels).toEqual([left]);
  });

  it.each([
    { what: 'nothing', bytes: new Uint8Array(0), code: 'WAV_NOT_RIFF' },
    { what: 'text', bytes: Uint8Array.from(ascii('this is not a wave file')), code: 'WAV_NOT_RIFF' },
    { what: 'no chunks', bytes: riff(), code: 'WAV_NO_FORMAT' },
    { what: 'no data', bytes: riff(fmt(1, 1, 8000, 16)), code: 'WAV_NO_DATA' },
    { what: 'data first', bytes: riff(chunk('data', [0, 0]), fmt(1, 1, 8000, 16)), code: 'WAV_NO_FORMAT' },
    { what: 'a short fmt', bytes: riff(chunk('fmt ', [1, 0])), code: 'WAV_INVALID' },
    { what: 'a cut fmt', bytes: riff(fmt(1, 1, 8000, 16)).subarray(0, 30), code: 'WAV_TRUNCATED' },
    { what: '8-bit PCM', bytes: riff(fmt(1, 1, 8000, 8)), code: 'WAV_UNSUPPORTED' },
    { what: 'float', bytes: riff(fmt(3, 1, 8000, 32)), code: 'WAV_UNSUPPORTED' },
    {
      what: 'an unknown GUID',
      bytes: riff(fmt(0xfffe, 2, 8000, 16, extension(1, new Array(14).fill(1)))),
      code: 'WAV_UNSUPPORTED',
    },
    { what: 'a short extension', bytes: riff(fmt(0xfffe, 2, 8000, 16, [0, 0])), code: 'WAV_INVALID' },
    { what: 'no channels', bytes: riff(fmt(1, 0, 8000, 16)), code: 'WAV_INVALID' },
    { what: 'no rate', bytes: riff(fmt(1, 1, 0, 16)), code: 'WAV_INVALID' },
  ])('refuses $what with $code', ({ bytes, code }) => {
    expect(codeOf(bytes)).toBe(code);
  });

  it('throws nothing but a WavError for damaged files', () => {
    const file = [...encodeWav([left, right], 8000)];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
        fc.nat({ max: file.length }),
        (changes, length) => {
          const bytes = Uint8Array.from(file);
          for (const [at, value] of changes) bytes[at] = value;
          expect(codeOf(bytes.subarray(0, length))).toMatch(/^(none|WAV_[A-Z_]+)$/);
        },
      ),
      { numRuns: 500 },
    );
  });
});
