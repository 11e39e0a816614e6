import { describe, expect, it } from 'vitest';
import { checkDestination, checkWhatsApp, isDigits, isPrefix, whatsappPrefix } from '../../../src/tools/policy.ts';

const codeOf = (number: string, allow: string[], deny: string[] = []) => {
  const decision = checkDestination(number, { allow, deny });
  return decision.allowed ? decision.number : decision.code;
};

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
    ['+499001234567', '+49'],
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
  ])('%s is an ordinary number', (number) => expect(codeOf(number, [number.slice(0, 3)])).toBe(number));

  it.each([
    ['+1 1 900 555 1234', 'premium_rate'],
    ['0011 900 555 1234', 'premium_rate'],
    ['011 1 900 555 1234', 'premium_rate'],
    ['+44 0 909 879 0000', 'premium_rate'],
    ['+44 (0) 909 879 0000', 'premium_rate'],
    ['+1 1 876 555 1234', 'high_risk'],
    ['0011 876 555 1234', 'high_risk'],
    ['+44 0 20 7946 0000', 'denied'],
    ['+44 0 161 496 0000', '+441614960000'],
    ['+1 1 202 555 0143', '+12025550143'],
    ['+1 1 1 876 555 1234', 'not_valid'],
    ['+44 0 0 909 879 0000', 'not_valid'],
    ['+44 0 909 123456', 'not_valid'],
    ['+1 555 555 0143', 'not_valid'],
    ['+1 202 555 01433', 'not_valid'],
    ['+1 900 555 1234;ext=1', 'not_e164'],
    ['+1 202 555 0143,,5', 'not_e164'],
    ['+1 202 555 CALL', 'not_e164'],
    ['+49 30 110', 'emergency'],
    ['911', 'not_e164'],
    ['+1 911', 'not_e164'],
  ])('%s is judged as what is dialled by it: %s', (written, outcome) => {
    expect(codeOf(written, ['+1', '+44', '+49'], ['+4420'])).toBe(outcome);
  });

  it("take a country's code for that country: the others that share it, and risky ones, must be named", () => {
    expect(codeOf('+16045550143', ['+1'])).toBe('+16045550143');
    expect(codeOf('+18765551234', ['+1'])).toBe('high_risk');
    expect(codeOf('+18765551234', ['+1', '+187'])).toBe('high_risk');
    expect(codeOf('+18765551234', ['+1', '+1876'])).toBe('+18765551234');
    expect(codeOf('+17875551234', ['+1'])).toBe('high_risk');
    expect(codeOf('+17875551234', ['+1787'])).toBe('+17875551234');
    expect(codeOf('+447781123456', ['+44'])).toBe('+447781123456');
    expect(codeOf('+262639012345', ['+262'])).toBe('high_risk');
    expect(codeOf('+262639012345', ['+26263'])).toBe('+262639012345');
    expect(codeOf('+77012345678', ['+7'])).toBe('high_risk');
    expect(codeOf('+77012345678', ['+770'])).toBe('+77012345678');
    expect(codeOf('+23276123456', ['+2'])).toBe('high_risk');
    expect(codeOf('+23276123456', ['+232'])).toBe('+23276123456');
    expect(codeOf('+881612345678', ['+8'])).toBe('high_risk');
    expect(codeOf('+881612345678', ['+881'])).toBe('+881612345678');
  });

  it.each([
    ['+445512345678', '+44', '+4455'],
    ['+443001234567', '+44', '+4430'],
    ['+4918012345678', '+49', '+49180'],
    ['+33820123456', '+33', '+3382'],
    ['+447641234567', '+44', '+4476'],
    ['+15005550006', '+1', '+1500'],
  ])('%s is no number of a person or an office: %s does not bring it along, %s does', (number, country, range) => {
    expect(codeOf(number, [country])).toBe('special_rate');
    expect(codeOf(number, [range])).toBe(number);
  });
});

it('knows a usable prefix and usable digits', () => {
  expect(['+1', '+4420', '+3906', '1', '+', '+0', '+1x', '+440', '+11'].map(isPrefix)).toEqual([
    ...Array(3).fill(true),
    ...Array(6).fill(false),
  ]);
  expect(['1w#*AD', '', 'E', '1 2', '1'.repeat(33)].map(isDigits)).toEqual([true, false, false, false, false]);
});

describe('somebody on WhatsApp', () => {
  const USER = 'whatsapp:US.13491208655302741918';
  const codeAt = (text: string, allow: string[], deny: string[] = []) => {
    const decision = checkWhatsApp(text, { allow, deny });
    return decision.allowed ? decision.number : decision.code;
  };

  it('is judged by the number where he is named by it, by the lists of the phone and by those of WhatsApp alone', () => {
    expect(codeAt('whatsapp:12025550143', ['+1202'])).toBe('whatsapp:+12025550143');
    expect(codeAt('whatsapp:+12025550143', ['whatsapp:+1202'])).toBe('whatsapp:+12025550143');
    expect(codeAt('whatsapp:+13035550143', ['whatsapp:+1202'])).toBe('not_listed');
    expect(codeAt('whatsapp:+12025550143', ['+1'], ['whatsapp:+1202'])).toBe('denied');
    expect(codeAt('whatsapp:+19002345678', ['whatsapp:+1900'])).toBe('premium_rate');
    expect(codeAt('whatsapp:+18765550143', ['whatsapp:+1'])).toBe('high_risk');
    // What is allowed there opens no telephone line.
    expect(codeOf('+12025550143', ['whatsapp:+1202'])).toBe('not_listed');
  });

  it('is named by the user id or its beginning where he has no number that is known, and by no number', () => {
    expect(codeAt(USER, ['whatsapp:US.'])).toBe(USER);
    expect(codeAt(USER, [USER])).toBe(USER);
    expect(codeAt(USER, ['+1', 'whatsapp:+1', 'whatsapp:DE.'])).toBe('not_listed');
    expect(codeAt(USER, ['whatsapp:US.'], [USER])).toBe('denied');
    expect(codeAt(USER, [])).toBe('nothing_allowed');
    expect(codeAt('whatsapp:alice', ['whatsapp:US.'])).toBe('not_valid');
  });

  it('has beginnings that a list may have, and nothing that would match nobody or everybody', () => {
    const written = [
      'whatsapp:+1 202',
      'whatsapp:0049',
      'whatsapp:US.',
      USER,
      'whatsapp:',
      'whatsapp:*',
      'whatsapp:+440909',
    ];
    expect(written.map(whatsappPrefix)).toEqual([
      'whatsapp:+1202',
      'whatsapp:+49',
      'whatsapp:US.',
      USER,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
