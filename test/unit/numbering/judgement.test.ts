import { describe, expect, it } from 'vitest';
import { hasTrunkPrefix, judgeNumber } from '../../../src/numbering/judgement.ts';

/** A number's canonical form, or why it may not be dialled. */
const judged = (number: string) => {
  const judgement = judgeNumber(number);
  return judgement.ok ? judgement.number : judgement.code;
};

describe('a number that is to be dialled', () => {
  it.each([
    ['+119005551234', 'premium_rate'],
    ['+4409098790000', 'premium_rate'],
    ['+4909001234567', 'premium_rate'],
    ['+610190012345678', 'not_valid'],
    ['+1118765551234', 'not_valid'],
    ['+118765551234', '+18765551234'],
    ['+4402079460000', '+442079460000'],
    ['+112025550143', '+12025550143'],
    ['+390612345678', '+390612345678'],
  ])('%s has its trunk prefix taken off before it is judged: %s', (written, outcome) => {
    expect(judged(written)).toBe(outcome);
  });

  it.each([
    '+15555550143',
    '+11234567890',
    '+1202555014',
    '+120255501433',
    '+440909123456',
    '+1911',
    '+44999',
    '+112',
    '+8881234567',
    '+9991234567',
    '+17105551234',
    '+14565551234',
    '12025550143',
    '+1202555CALL',
    '+12025550143;ext=5',
    '+12025550143,,5',
    '+1２０２5550143',
    '+١٢٠٢٥٥٥٠١٤٣',
    '',
    '+',
    '+4990012345678',
  ])('%j is no number that there is', (number) => expect(judged(number)).toBe('not_valid'));

  it.each([
    '+19005551234',
    '+12129765555',
    '+449098790000',
    '+448715551234',
    '+447012345678',
    '+499001234567',
    '+33899123456',
    '+41900123456',
    '+611901234567',
    '+979112345678',
    '+9609001234567',
  ])('%s costs its caller', (number) => expect(judged(number)).toBe('premium_rate'));

  it.each(['+4930110', '+4930112', '+4989110', '+431133', '+431112'])('%s leads to an emergency service', (number) =>
    expect(judged(number)).toMatch(/^(emergency|not_valid)$/),
  );

  it('knows where a number is, and what it is', () => {
    const facts = (number: string) => {
      const judgement = judgeNumber(number);
      return judgement.ok ? [judgement.home, judgement.kind] : judgement.code;
    };
    expect(facts('+12025550143')).toEqual([true, 'ordinary']);
    expect(facts('+16045550143')).toEqual([true, 'ordinary']);
    expect(facts('+18765551234')).toEqual([false, 'ordinary']);
    expect(facts('+18095551234')).toEqual([false, 'ordinary']);
    expect(facts('+17875551234')).toEqual([false, 'ordinary']);
    expect(facts('+442079460000')).toEqual([true, 'ordinary']);
    expect(facts('+447781123456')).toEqual([true, 'ordinary']);
    expect(facts('+79161234567')).toEqual([true, 'ordinary']);
    expect(facts('+77012345678')).toEqual([false, 'ordinary']);
    expect(facts('+443001234567')).toEqual([true, 'special']);
    expect(facts('+445512345678')).toEqual([true, 'special']);
    expect(facts('+447641234567')).toEqual([true, 'special']);
    expect(facts('+15005550006')).toEqual([true, 'special']);
    expect(facts('+80812345678')).toEqual([false, 'network']);
    expect(facts('+80012345678')).toEqual([false, 'network']);
    expect(facts('+881612345678')).toEqual([false, 'network']);
    expect(facts('+870773111632')).toEqual([false, 'network']);
    expect(facts('+88213300655')).toEqual([false, 'network']);
    expect(facts('+883510001234567')).toEqual([false, 'network']);
    expect(facts('+878101234567890')).toEqual([false, 'network']);
  });
});

it('knows the beginnings that no number has', () => {
  expect(['+440', '+440909', '+4909', '+11', '+11900', '+1011'].map(hasTrunkPrefix)).toEqual(Array(6).fill(true));
  expect(['+1', '+44', '+4420', '+39', '+3906', '+78', '+225', '+22507', '+1202', '+999'].map(hasTrunkPrefix)).toEqual(
    Array(10).fill(false),
  );
});
