import { describe, expect, it } from 'vitest';
import { ConversationContext } from '../../../../src/agents/openai/context.ts';
import { heardPart, spokenLength } from '../../../../src/agents/openai/heard-part.ts';

/** What is kept of an answer of which this share was heard. */
function kept(text: string, share: number): string | undefined {
  const context = new ConversationContext();
  context.finish('a1', 'assistant', text);
  context.cut('a1', { share });
  return context.textOf('a1');
}

describe('what is kept of an interrupted answer', () => {
  it.each([
    ['Chinese', '我们明天下午三点可以为您预约。', 0.5, '我们明天下午三'],
    ['Chinese, a part of a word', '我们明天下午三点可以为您预约。', 0.2, '我们'],
    ['Japanese', 'お電話ありがとうございます。本日はどのようなご用件でしょうか。', 0.3, 'お電話ありがとう'],
    ['Thai', 'ขอบคุณที่โทรมาหาเราวันนี้', 0.5, 'ขอบคุณที่โทร'],
    ['Burmese', 'မင်္ဂလာပါ ခင်ဗျာ', 0.6, 'မင်္ဂလာပါ'],
    ['Korean', '내일 오후 세 시에 예약해 드릴게요.', 0.5, '내일 오후 세 시에'],
    ['English', 'The office opens at nine tomorrow.', 0.45, 'The office'],
    ['Arabic, from right to left', 'مرحبا بك في متجرنا', 0.5, 'مرحبا بك'],
    ['Hebrew with points', 'שָׁלוֹם וּבְרוּכִים הַבָּאִים', 0.7, 'שָׁלוֹם וּבְרוּכִים'],
    ['combining marks', 'Le cafe\u0301 est ouvert', 0.5, 'Le cafe\u0301'],
    ['an emoji of several', 'Yes 👨‍👩‍👧 come along', 0.25, 'Yes'],
    ['an amount, which is one word', 'That is $1,234.50 in total', 0.5, 'That is $'],
    ['a time', 'At 12:30 on Monday', 0.99, 'At 12:30 on'],
    ['emphasis in Markdown', '**Important:** we are closed', 0.2, '**Important'],
    ['quotes before the first word', '“Certainly”, she said', 0.1, '“Certainly'],
    ['Spanish punctuation before the first word', '¡Hola! ¿Qué tal?', 0.05, '¡Hola'],
    ['leading spaces', '   Hello there', 0.05, '   Hello'],
  ])('is what was heard of it: %s', (_name, text, share, words) => {
    expect(kept(text, share)).toBe(words);
  });

  it('is never nothing where something was heard, and nothing where nothing was', () => {
    for (const text of [
      '我们明天见',
      'ขอบคุณที่โทรมา',
      'Goodbye',
      '👍👍👍',
      '...',
      '5',
      '中',
      'https://example.com/a/b?c=d',
      '🏳️‍🌈🏳️‍🌈',
    ]) {
      for (const share of [0.001, 0.1, 0.5, 0.999]) expect(kept(text, share), `${text} ${share}`).not.toBe('');
      expect(kept(text, 0)).toBe('');
      expect(kept(text, 1)).toBe(text);
    }
  });

  it('reaches the next session', () => {
    const context = new ConversationContext();
    context.finish('u1', 'user', '几点开门？');
    context.finish('a1', 'assistant', '我们早上九点开门，晚上六点关门。');
    context.cut('a1', { share: 0.5 });
    expect(context.items()).toEqual([
      { kind: 'message', role: 'user', text: '几点开门？' },
      { kind: 'message', role: 'assistant', text: '我们早上九点' },
    ]);
  });

  it('is cut when its words come after the interruption', () => {
    const context = new ConversationContext();
    context.open('a1', 'assistant');
    context.cut('a1', { share: 0.5 });
    expect(context.textOf('a1')).toBe('');
    context.finish('a1', 'assistant', 'alpha beta gamma delta');
    expect(context.textOf('a1')).toBe('alpha beta');
  });

  it('grows with what was heard, and never splits a character', () => {
    const texts = [
      '我们明天下午三点可以为您预约，请问您贵姓？',
      'สวัสดีค่ะ วันนี้มีอะไรให้ช่วยไหมคะ',
      'e\u0301'.repeat(60),
      '👩🏽‍🚀'.repeat(20),
      'नमस्ते, मैं आपकी क्या मदद कर सकता हूँ?',
    ];
    for (const text of texts) {
      const graphemes = [...new Intl.Segmenter('und').segment(text)];
      const ends = new Set([0, text.length, ...graphemes.map(({ index }) => index)]);
      let before = 0;
      for (let share = 0; share <= 1; share += 0.01) {
        const part = kept(text, share)!;
        expect(text.startsWith(part)).toBe(true);
        expect(part.length).toBeGreaterThanOrEqual(before);
        expect(ends.has(part.length), `${text}: ${part.length}`).toBe(true);
        before = part.length;
      }
    }
  });

  it('is told by time as fast as the language is spoken', () => {
    // Three seconds: some 45 letters, but some 15 Chinese characters.
    expect(heardPart('我们'.repeat(40), 45).length).toBe(14);
    expect(spokenLength('nine to five')).toBe(12);
    expect(spokenLength('九点')).toBe(6);
  });

  it('takes in a run without an end, and an answer of a book, at once', () => {
    expect(kept('x'.repeat(10_000), 0.01)).toBe('x'.repeat(100));
    const book = 'ขอบคุณที่โทรมาหาเราวันนี้'.repeat(2_000);
    expect(book.startsWith(kept(book, 0.5)!)).toBe(true);
    expect(heardPart('words', Number.NaN)).toBe('');
    expect(heardPart('', 5)).toBe('');
  });
});
