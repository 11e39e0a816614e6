import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64Length, decodeBase64, encodeBase64 } from '../../../src/media/base64.ts';

describe('base64', () => {
  it('is written as Node writes it, at any place of the memory and of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat(9), (bytes, at) => {
        const text = Buffer.from(bytes).toString('base64');
        const dst = Buffer.alloc(at + text.length + 1, 0x2e);
        expect(base64Length(bytes.length)).toBe(text.length);
        expect(encodeBase64(bytes, bytes.length, dst, at)).toBe(at + text.length);
        expect(dst.toString('latin1')).toBe(`${'.'.repeat(at)}${text}.`);
      }),
    );
  });

  it('is written of the first bytes only, where so many are asked for', () => {
    const dst = Buffer.alloc(8);
    expect(encodeBase64(Buffer.from('abcdef'), 4, dst, 0)).toBe(8);
    expect(dst.toString('latin1')).toBe('YWJjZA==');
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), (bytes) => {
        const text = Buffer.alloc(base64Length(bytes.length));
        encodeBase64(bytes, bytes.length, text, 0);
        const back = Buffer.alloc(bytes.length);
        expect(decodeBase64(text, 0, text.length, back)).toBe(bytes.length);
        expect(new Uint8Array(back)).toEqual(bytes);
      }),
    );
  });
});
