import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../../../src/recording/http/recordings-api.ts';

describe('rangeOf', () => {
  it.for([
    ['bytes=0-0', { from: 0, to: 0 }],
    ['bytes=10-', { from: 10, to: 99 }],
    ['bytes=10-500', { from: 10, to: 99 }],
    ['bytes=-10', { from: 90, to: 99 }],
    ['bytes=-500', { from: 0, to: 99 }],
    ['BYTES=99-99', { from: 99, to: 99 }],
    ['bytes=100-', 'outside'],
    ['bytes=-0', 'outside'],
    ['bytes=20-10', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,5-6', undefined],
    ['seconds=0-1', undefined],
    ['bytes=x-1', undefined],
    [undefined, undefined],
  ] as const)('%s', ([header, wanted]) => {
    expect(rangeOf(header, 100)).toEqual(wanted);
  });

  it('of an empty file is always outside', () => {
    expect(rangeOf('bytes=0-', 0)).toBe('outside');
    expect(rangeOf('bytes=-5', 0)).toBe('outside');
  });
});
