import { describe, expect, it } from 'vitest';
import { compareFacts, type KeyFact } from '../../../src/measure/key-facts.ts';
import { repetition, wordErrors, wordsOf } from '../../../src/measure/words.ts';

describe('words', () => {
  it.each([
    ['Hello, World!', 'hello world'],
    ['It’s Zoë’s café — isn’t it?', "it's zoe's cafe isn't it"],
    ['twenty-one', '21'],
    ['one hundred and five', '105'],
    ['two thousand and three hundred twelve', '2312'],
    ['one million two hundred thousand', '1200000'],
    ['twelve hundred', '1200'],
    ['3 thousand', '3000'],
    ['nineteen eighty four', '19 84'],
    ['the third and the 3rd', 'the 3 and the 3'],
    ['four two', '4 2'],
    ['four two nine', '429'],
    ['oh seven nine double one', '07911'],
    ['oh, I see', 'oh i see'],
    ['1,200 people and 12.50 euros', '1200 people and 12.50 euros'],
    ['and a hundred', 'and 100'],
    ['a hundred and twenty', '120'],
    ['a thousand', '1000'],
    ['a thousand and one', '1001'],
    ['hundred', '100'],
    ['hundred thousand', '100000'],
    ['two hundred thousand', '200000'],
    ['12 hundred', '1200'],
    ['a few hundred, and half a million', 'a few hundred and half a million'],
    ['a table', 'a table'],
    ['हिन्दी में', 'हिन्दी में'],
    ['下午3点', '下 午 3 点'],
    ['room 12b', 'room 12b'],
    ['', ''],
  ])('of %j are %j', (text, words) => {
    expect(wordsOf(text).join(' ')).toBe(words);
  });

  it('that are wrong are counted by kind', () => {
    expect(wordErrors('a table for two at seven', 'A table for 2, at 7.')).toEqual({
      n: 6,
      substitutions: 0,
      deletions: 0,
      insertions: 0,
      rate: 0,
    });
    expect(wordErrors('i would like a table', 'i like the big table')).toMatchObject({ n: 5, rate: 0.6 });
    expect(wordErrors('one two words', '')).toMatchObject({ deletions: 3, rate: 1 });
    expect(wordErrors('yes', 'no no no')).toMatchObject({ substitutions: 1, insertions: 2, rate: 3 });
    expect(wordErrors('', 'anything')).toMatchObject({ n: 0, insertions: 1, rate: null });
  });

  it('of a whole call are compared within a moment', () => {
    const long = Array.from({ length: 6_000 }, (_, i) => `w${i % 700}`).join(' ');
    expect(wordErrors(long, long.replaceAll('w3', 'x3')).n).toBe(5_000);
  });

  it('are told apart by what happened to them, however they follow each other', () => {
    expect(wordErrors('a b c d e f', 'a x c e f g h')).toEqual({
      n: 6,
      substitutions: 1,
      deletions: 1,
      insertions: 2,
      rate: 0.6667,
    });
    expect(wordErrors('', 'a b')).toEqual({ n: 0, substitutions: 0, deletions: 0, insertions: 2, rate: null });
    expect(wordErrors('a b', '')).toEqual({ n: 2, substitutions: 0, deletions: 2, insertions: 0, rate: 1 });
  });
});

describe('repetition', () => {
  it('is looked for within a moment in texts without full stops, however long', () => {
    const texts = Array.from({ length: 100 }, (_, i) =>
      Array.from({ length: 1_500 }, (__, j) => `w${i}x${j}`).join(' '),
    );
    const began = process.cpuUsage();
    expect(repetition([...texts, texts[0]!]).repeated).toEqual([texts[0]]);
    expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
  });

  it('is a sentence said again, nearly as it was, and not a short one', () => {
    const { n, repeated } = repetition([
      'I am afraid we have no table at seven. Thank you very much.',
      'Would eight suit you as well, madam?',
      'I am afraid we have no table at 7! Thank you very much.',
      'Would eight suit you as well?',
    ]);
    expect(n).toBe(4);
    expect(repeated).toEqual(['I am afraid we have no table at 7!', 'Would eight suit you as well?']);
  });
});

describe('key facts', () => {
  const has = (kind: KeyFact['kind'], value: string, text: string) =>
    compareFacts([{ kind, value }], text).missing.length === 0;

  it.each([
    ['42', 'room 42', true],
    ['42', 'room forty-two', true],
    ['42', 'room four two', true],
    ['42', 'room 142', false],
    ['42', 'room 420', false],
    ['1200', 'twelve hundred people', true],
    ['1200', '1,200 people', true],
    ['1984', 'in nineteen eighty-four', true],
    ['0791234567', 'it is oh seven nine, one two three, four five six seven', true],
    ['0791234567', '079 123 45 67', true],
    ['0791234567', '079 123 45 68', false],
    ['12.50', 'twelve euros fifty', true],
    ['12.50', 'that is 12.5 euros', true],
    ['12.50', 'that is 125 euros', false],
    ['12.50', 'that is 1250 euros', false],
    ['12.50', 'that is twelve hundred and fifty euros', false],
    ['12.50', 'that is 12 50', true],
    ['1250', 'that is 1\u00a0250 euros', true],
    ['7', 'at seventeen', false],
    ['', 'anything', false],
    ['20', 'that is $20.00', true],
    ['20', 'twenty dollars', true],
    ['20', 'that is 20 dollars', true],
    ['20.00', 'that is $20', true],
    ['2000', 'that is $20.00', false],
    ['20', 'that is $20.50', false],
    ['20', 'that is 2000', false],
    ['20.50', 'that is 20.5', true],
    ['20.5', 'twenty dollars and fifty cents', true],
    ['20.5', 'that is $20.50', true],
    ['1,200', 'that is $1,200.00', true],
    ['1200', 'das sind 1.200 Euro', true],
    ['120', 'a hundred and twenty', true],
    ['1000', 'a thousand', true],
    ['0791234567', '791234567', false],
    ['791234567', '0791234567', false],
    ['2125551234', 'call 212.555.1234', true],
    ['007', 'it is 7', false],
    ['7', 'agent 007', false],
    ['9007199254740993', 'card 9007199254740992', false],
    ['20', '一共20元', true],
  ])('number %j in %j: %s', (value, text, found) => expect(has('number', value, text)).toBe(found));

  it.each([
    ['Müller', 'for Mr Mueller', true],
    ['Müller', 'for Mr Muller', true],
    ['Müller', 'M, u, e, l, l, e, r', true],
    ['Müller', 'for Mr Miller', true],
    ['Müller', 'for Mr Meier', false],
    ['Kathryn Jones', 'Catherine Jones here', false],
    ['Kathryn Jones', 'Kathrin Jones here', true],
    ['Anna Maria', 'Annamaria', true],
    ['McKay', 'Mac Kay', true],
    ['Lee', 'for Leo', false],
    ['AB12C', 'the code is a b 1 2 c', true],
    ['AB12C', 'the code is AB13C', false],
    ['José', 'Jose, please', true],
    ['Анна', 'Меня зовут Анна.', true],
    ['Анна', 'Меня зовут Ольга.', false],
    ['Γιώργος', 'Με λένε ΓΙΩΡΓΟΣ', true],
    ['Γιώργος', 'Με λένε Νίκος', false],
    ['李雷', '我叫李雷。', true],
    ['李雷', '我叫李明。', false],
    ['ジョン・スミス', '私はジョンスミスです', true],
    ['かき', 'がぎです', false],
    ['김철수', '저는 김철수입니다', true],
    ['สมชาย', 'ผมชื่อสมชายครับ', true],
    ['प्रिया', 'मेरा नाम प्रिया है', true],
    ['מרים', 'שמי מִרְיָם', true],
    ['Анна', 'Anna', false],
  ])('name %j in %j: %s', (value, text, found) => expect(has('name', value, text)).toBe(found));

  it.each([
    ['2026-12-03', 'on December 3rd', true],
    ['2026-12-03', 'the third of December, 2026', true],
    ['2026-12-03', '3 Dec 2026', true],
    ['2026-12-03', 'December the third, twenty twenty six', true],
    ['2026-12-03', 'the third of December 2027', false],
    ['2026-12-03', 'on 12/3', true],
    ['2026-12-03', 'am 3.12.2026', true],
    ['2026-12-03', 'am 3.12.2025', false],
    ['2026-12-03', '2026-12-03', true],
    ['2026-12-03', 'on December 13th', false],
    ['2026-12-03', 'on November 3rd', false],
    ['12-31', 'on New Year, December thirty-first', true],
    ['2026-13-03', '2026-13-03', false],
    ['soon', 'soon', false],
  ])('date %j in %j: %s', (value, text, found) => expect(has('date', value, text)).toBe(found));

  it.each([
    ['窗边', '您要窗边的座位吗？', true],
    ['走道', '您要窗边的座位吗？', false],
    ['ขอบคุณ', 'ขอบคุณมากค่ะ', true],
    ['окно', 'место у окна', false],
    ['', 'anything', false],
    ['!?', 'anything', false],
  ])('words %j in %j: %s', (value, text, found) => expect(has('words', value, text)).toBe(found));

  it('are words, too, and are told by what is missing', () => {
    const facts: KeyFact[] = [
      { kind: 'words', value: 'window seat' },
      { kind: 'number', value: '2' },
    ];
    expect(compareFacts(facts, 'A window-seat for three')).toEqual({ n: 2, found: [facts[0]], missing: [facts[1]] });
  });
});
