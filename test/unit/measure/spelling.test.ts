import { describe, expect, it } from 'vitest';
import { hasWords, plain } from '../../../src/measure/spelling.ts';

describe('words in a text', () => {
  it.each([
    ['Hello, World!', 'hello world', true],
    ['We are open.', 'pen', false],
    ['Ein Café in Zürich', 'cafe in zurich', true],
    ['ＶＩＰ room', 'vip', true],
    ['Это Анна.', 'анна', true],
    ['Это Аннабель.', 'анна', false],
    ['您的信用卡号是多少？', '信用卡', true],
    ['您的信用卡号是多少？', '护照', false],
    ['您是VIP客户', 'vip', true],
    ['您是VIPS客户', 'vip', false],
    ['クレジットカードの番号をください', 'カード', true],
    ['がくせい', 'か', false],
    ['ขอหมายเลขบัตรเครดิตด้วยค่ะ', 'บัตรเครดิต', true],
    ['ຂໍບັດເຄຣດິດ', 'ບັດ', true],
    ['សូមលេខកាតឥណទាន', 'កាត', true],
    ['ခရက်ဒစ်ကတ်နံပါတ်', 'ကတ်', true],
    ['신용카드로 하시겠어요?', '신용카드', true],
    ['किताब', 'कितब', false],
    ['anything', '!?', false],
    ['', '', false],
  ])('%j has %j: %s', (text, words, found) => expect(hasWords(text, words)).toBe(found));

  it('are compared without signs, and letter by letter where a script has no spaces', () => {
    expect(plain('It’s “fine” — 5%!')).toBe('it s fine 5');
    expect(plain('李雷，你好')).toBe('李 雷 你 好');
  });
});
