import { describe, expect, it } from 'vitest';
import { parseNumber } from '../../../src/numbering/number.ts';

describe('parseNumber', () => {
  it.each([
    ...[
      '+12025550143',
      ' +1 202 555 0143 ',
      '+1 (202) 555-0143',
      '+1.202.555.0143',
      '+1/202/555/0143',
      '0012025550143',
      '011 1 202 555 0143',
    ],
    ...[
      'tel:+1-202-555-0143',
      'TEL:+12025550143',
      'tel:+1-202-555-0143;phone-context=+1',
      'tel:%2B12025550143',
      '%2B12025550143',
    ],
    ...[
      '+1\u2010202\u2011555\u20120143',
      '+1\u2013202\u2014555\u22120143',
      '＋１（２０２）５５５－０１４３',
      '+1\u00a0202\u202f555\u20090143',
    ],
    ...['\u202a+12025550143\u202c', '\ufeff+12025550143', '+1\u00ad202\u200b5550143', '+1 1 202 555 0143'],
  ])('reads %j', (text) => expect(parseNumber(text)).toBe('+12025550143'));

  it('drops a trunk prefix, which would hide what is dialled', () => {
    expect(parseNumber('+44 0 909 879 0000')).toBe('+449098790000');
    expect(parseNumber('+44 (0)20 7946 0958')).toBe('+442079460958');
    expect(parseNumber('+1 1 900 555 1234')).toBe('+19005551234');
    expect(parseNumber('0011 900 555 1234')).toBe('+19005551234');
  });

  it.each([
    ...[
      '',
      '+',
      '12025550143',
      '2025550143',
      '(202) 555-0143',
      '911',
      '+1',
      '+0123456789',
      '+1234567890123456',
      'alice',
      '+1202555abcd',
    ],
    ...[
      'tel:2025550143;phone-context=+1',
      'tel:+12025550143;ext=5',
      '+1 202 555 0143 x5',
      'sip:+12025550143@example.com',
      '++12025550143',
    ],
    ...['+1 202 555 0143, +1 202 555 0144', '+'.repeat(10_000), '1'.repeat(100_000)],
  ])('takes %j for no number', (text) => expect(parseNumber(text)).toBeUndefined());
});
