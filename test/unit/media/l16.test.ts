import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { l16Decode, l16Encode } from '../../../src/media/l16.ts';

const samples = Int16Array.of(0, 1, -1, 0x1234, -32_768, 32_767);
const little = [0x00, 0x00, 0x01, 0x00, 0xff, 0xff, 0x34, 0x12, 0x00, 0x80, 0xff, 0x7f];
const big = [0x00, 0x00, 0x00, 0x01, 0xff, 0xff, 0x12, 0x34, 0x80, 0x00, 0x7f, 0xff];

/** The bytes as a slice that begins at `offset` of a larger buffer, as a socket library hands them out. */
function at(offset: number, bytes: readonly number[]): Uint8Array {
  const buffer = new Uint8Array(offset + bytes.length + 3).fill(0xaa);
  buffer.set(bytes, offset);
  return buffer.subarray(offset, offset + bytes.length);
}

describe.each([
  { order: 'le' as const, bytes: little },
  { order: 'be' as const, bytes: big },
])('l16 $order', ({ order, bytes }) => {
  it.each([0, 1, 2, 3])('decodes bytes that begin at offset %i of their buffer', (offset) => {
    const dst = new Int16Array(samples.length);
    expect(l16Decode(at(offset, bytes), dst, order)).toBe(samples.length);
    expect(dst).toEqual(samples);
  });

  it.each([0, 1, 2, 3])('encodes into bytes that begin at offset %i of their buffer', (offset) => {
    const dst = at(offset, new Array(bytes.length).fill(0));
    expect(l16Encode(samples, dst, order)).toBe(bytes.length);
    expect([...dst]).toEqual(bytes);
    expect(new Uint8Array(dst.buffer)[offset + bytes.length]).toBe(0xaa);
  });

  it('ignores the last byte of an odd number of bytes', () => {
    const dst = new Int16Array(8).fill(7);
    expect(l16Decode(at(0, [...bytes, 0x55]), dst, order)).toBe(samples.length);
    expect(dst[samples.length]).toBe(7);
    expect(l16Decode(at(0, [0x55]), dst, order)).toBe(0);
  });

  it('encodes whole samples only and leaves out what does not fit', () => {
    const dst = new Uint8Array(5);
    expect(l16Encode(samples, dst, order)).toBe(4);
    expect([...dst]).toEqual([...bytes.slice(0, 4), 0]);
    expect(l16Decode(at(0, bytes), new Int16Array(2), order)).toBe(2);
  });

  it('takes nothing', () => {
    expect(l16Decode(new Uint8Array(0), new Int16Array(4), order)).toBe(0);
    expect(l16Encode(new Int16Array(0), new Uint8Array(4), order)).toBe(0);
  });

  it('encodes a part of a larger sample buffer', () => {
    const dst = new Uint8Array(4);
    l16Encode(samples.subarray(2, 4), dst, order);
    expect([...dst]).toEqual(bytes.slice(4, 8));
  });

  it('agrees with DataView for any samples at any offset', () => {
    fc.assert(
      fc.property(fc.int16Array(), fc.integer({ min: 0, max: 3 }), (input, offset) => {
        const dst = at(offset, new Array(input.length * 2).fill(0));
        l16Encode(input, dst, order);
        const view = new DataView(dst.buffer, dst.byteOffset, dst.length);
        for (let i = 0; i < input.length; i++) expect(view.getInt16(2 * i, order === 'le')).toBe(input[i]);
        const back = new Int16Array(input.length);
        l16Decode(dst, back, order);
        expect(back).toEqual(input);
      }),
    );
  });
});
