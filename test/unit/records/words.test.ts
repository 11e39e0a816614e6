import { describe, expect, it } from 'vitest';
import { askedWords, wordsOf } from '../../../src/records/words.ts';

describe('the words of a text', () => {
  it.each([
    ['Do you open at 9:30?', ['do', 'you', 'open', 'at', '9', '30']],
    ['Grüße, ÉCOLE ﬁnal', ['gruße', 'ecole', 'final']],
    ["it's A-B_c", ['it', 's', 'a', 'b', 'c']],
    ['予約はABCです', ['予', '約', 'は', 'abc', 'て', 'す']],
    ['Привет мир', ['привет', 'мир']],
    ['?! "" ', []],
  ])('of %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it('are cut where no index would take them, and asked for once each', () => {
    expect(wordsOf('a'.repeat(5_000))[0]).toHaveLength(60);
    expect(askedWords('a b A b')).toEqual(['a', 'b']);
    expect(askedWords(Array.from({ length: 50 }, (_, i) => `w${i}`).join(' '))).toHaveLength(10);
  });
});
