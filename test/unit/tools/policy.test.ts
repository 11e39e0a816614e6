import { describe, expect, it } from 'vitest';
import { checkDestination, isDigits, isPrefix, isPremiumRate, normaliseNumber } from '../../../src/tools/policy.ts';

const codeOf = (number: string, allow: string[], deny: string[] = []) => {
  const decision = checkDestination(number, { allow, deny });
  return decision.allowed ? decision.number : decision.code;
};

describe('numbers as people write them', () => {
  it.each([
    ['+1 (202) 555-0143', '+12025550143'],
    ['0044 20 7946 0000', '+442079460000'],
    ['011 49 30 123456', '+4930123456'],
    ['+44 (0)20 7946 0000', '+442079460000'],
    ['tel:+49-30-123456', '+4930123456'],
    ['+1‑202‑555‑0143', '+12025550143'],
  ])('%s is %s', (written, number) => expect(normaliseNumber(written)).toBe(number));

  it.each([
    '2025550143',
    '911',
    '+0123456789',
    '+1202555014x',
    '',
    '+',
    '+12',
    `+${'1'.repeat(16)}`,
    '12025550143,,5',
    'sip:a@b',
  ])('%j is none', (written) => expect(normaliseNumber(written)).toBeUndefined());
});

describe('destinations', () => {
  it('are refused when nothing is allowed: an empty list is closed', () => {
    expect(codeOf('+12025550143', [])).toBe('nothing_allowed');
  });

  it('must begin as the list says', () => {
    expect(codeOf('+1 202 555 0143', ['+1202'])).toBe('+12025550143');
    expect(codeOf('+13035550143', ['+1202'])).toBe('not_listed');
    expect(codeOf('+442079460000', ['+1'])).toBe('not_listed');
    expect(codeOf('2025550143', ['+1'])).toBe('not_e164');
  });

  it('can be denied again', () => {
    expect(codeOf('+12025550143', ['+1'], ['+1202555'])).toBe('denied');
  });

  it.each([
    ['+19002345678', '+1'],
    ['+12129765555', '+1'],
    ['+449098790000', '+44'],
    ['+447012345678', '+44'],
    ['+448715551234', '+44'],
    ['+4990012345678', '+49'],
    ['+33899123456', '+33'],
    ['+41900123456', '+41'],
    ['+611901234567', '+61'],
    ['+979112345678', '+979'],
  ])('%s costs its caller and is refused even though %s is allowed', (number, allow) => {
    expect(codeOf(number, [allow])).toBe('premium_rate');
    expect(codeOf(number, [number])).toBe('premium_rate');
  });

  it.each([
    '+12025550143',
    '+442079460000',
    '+447911123456',
    '+4930123456',
    '+33142685300',
    '+61291234567',
    '+18005550100',
  ])('%s is an ordinary number', (number) => {
    expect(isPremiumRate(number)).toBe(false);
    expect(codeOf(number, [number.slice(0, 3)])).toBe(number);
  });

  it('of high risk need to be named: "+1" does not bring the Caribbean with it', () => {
    expect(codeOf('+18765551234', ['+1'])).toBe('high_risk');
    expect(codeOf('+18765551234', ['+1', '+1876'])).toBe('+18765551234');
    expect(codeOf('+23222123456', ['+2'])).toBe('high_risk');
    expect(codeOf('+881612345678', ['+8'])).toBe('high_risk');
  });
});

it('knows a usable prefix and usable digits', () => {
  expect(['+1', '+4420', '1', '+', '+0', '+1x'].map(isPrefix)).toEqual([true, true, false, false, false, false]);
  expect(['1w#*AD', '', 'E', '1 2', '1'.repeat(33)].map(isDigits)).toEqual([true, false, false, false, false]);
});
