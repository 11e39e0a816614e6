import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { E164 } from '../call/party.ts';
import { percentDecoded, plainText, withoutSeparators } from './spelling.ts';

/** Longer than any number with its separators, characters. */
const LONGEST = 64;

/**
 * A number as people and programs write it, in E.164: the one reader of numbers, wherever they are written. It takes `tel:` URIs, separators
 * and dashes of every kind, digits of other scripts, `00` and `011` in place of `+`, and drops a trunk prefix that is not dialled from abroad
 * ("+44 (0)20", "+44 020"). Undefined for what gives no number. Whether there is such a number is for the reader to ask. Numbers without a
 * country are not guessed at: a wrong guess calls a stranger. An extension is no part of a number: without it, it would ring at somebody else.
 */
export function parseNumber(text: string): string | undefined {
  const plain = plainText(text.slice(0, 4 * LONGEST));
  if (plain === '' || plain.length > LONGEST) return undefined;
  const [written = '', ...parameters] = plain.replace(/^tel:(?:\/\/)?/i, '').split(';');
  // RFC 3966: what else stands beside a global number, such as its context, changes nothing about it.
  if (parameters.some((parameter) => /^(?:ext|isub|postd)=/i.test(parameter.trim()))) return undefined;
  return international(plainText(percentDecoded(written)));
}

/**
 * The beginning of numbers, as lists of them are written (`+1202`, `+44 20`, `0044`): `+` and 1 to 15 digits. Undefined for what is none. A
 * whole number is one, too, in the form that `parseNumber` gives it.
 */
export function parsePrefix(text: string): string | undefined {
  const whole = parseNumber(text);
  if (whole !== undefined) return whole;
  const bare = withoutSeparators(plainText(text.slice(0, LONGEST)).replace(/^tel:/i, ''));
  const prefix = bare.replace(/^(?:00|011)(?=[1-9])/, '+');
  return /^\+[1-9]\d{0,14}$/.test(prefix) ? prefix : undefined;
}

/**
 * Keys to be played, as people write them: 0-9 * # A-D, `w` for a pause; dashes that group them go. What is no key stays, for the reader to refuse:
 * a space among it, which some take for a pause.
 */
export function parseDigits(text: string): string {
  return plainText(text)
    .replaceAll('-', '')
    .replace(/[a-dW]/g, (key) => (key === 'W' ? 'w' : key.toUpperCase()));
}

/**
 * The number of a caller: as `parseNumber`, and digits alone where they are a whole international number, as some networks write it. Undefined
 * for a number of a length that its country does not have: nobody has it, however it got there.
 */
export function parseCallerNumber(text: string): string | undefined {
  const number = parseNumber(text);
  if (number !== undefined) return parsePhoneNumberFromString(number)?.isPossible() === true ? number : undefined;
  const digits = withoutSeparators(plainText(percentDecoded(text.slice(0, LONGEST))));
  // Shorter ones, and those with a leading zero, have no country: an extension, a short code, a number of one town.
  if (!/^[1-9]\d{10,14}$/.test(digits)) return undefined;
  const whole = parsePhoneNumberFromString(`+${digits}`);
  return whole?.isValid() === true && whole.number === `+${digits}` ? whole.number : undefined;
}

function international(written: string): string | undefined {
  const bare = withoutSeparators(written.replace(/(?<=^\+\s?\d{1,3}[\s\-.]?)\(0\)/, ''));
  const text = bare.replace(/^(?:00|011)(?=[1-9])/, '+');
  if (!/^\+[1-9]\d{6,16}$/.test(text)) return undefined;
  const known = parsePhoneNumberFromString(text);
  // The library drops trunk prefixes; what it cannot place stays as it was written.
  const number = known?.isPossible() === true && known.ext === undefined ? known.number : text;
  return E164.test(number) ? number : undefined;
}
