import { describe, expect, it } from 'vitest';
import { diffOf, shortened } from '../../../web/js/model/diff.js';

const shown = (before: string, after: string) =>
  diffOf(before, after).map(({ kind, text }) => `${{ same: ' ', gone: '-', new: '+' }[kind]}${text}`);

describe('what differs between two texts', () => {
  it('is told line by line, and both texts can be had from it', () => {
    expect(shown('a\nb\nc', 'a\nx\nc')).toEqual([' a', '-b', '+x', ' c']);
    expect(shown('', 'a')).toEqual(['-', '+a']);
    expect(shown('a\nb', 'a\nb')).toEqual([' a', ' b']);
    const [before, after] = ['a\nb\nc\nd\ne\nb', 'b\nc\nx\ne\nb\ny'];
    const lines = diffOf(before, after);
    const of = (not: string) =>
      lines
        .filter(({ kind }) => kind !== not)
        .map(({ text }) => text)
        .join('\n');
    expect([of('new'), of('gone')]).toEqual([before, after]);
    expect(lines.filter(({ kind }) => kind === 'same')).toHaveLength(4);
  });

  it('shows what is near a change, and says where something is left out', () => {
    const before = Array.from({ length: 30 }, (_, n) => `line ${n}`);
    const after = before.with(15, 'changed');
    const lines = shortened(diffOf(before.join('\n'), after.join('\n')), 2);
    expect(lines.map((line) => line?.text)).toEqual([
      undefined,
      'line 13',
      'line 14',
      'line 15',
      'changed',
      'line 16',
      'line 17',
      undefined,
    ]);
    expect(shortened(diffOf('a', 'a'))).toEqual([]);
  });
});
