/**
 * How people and programs spell numbers, brought to one form before anything is read out of it. Sources: the signs that Google's
 * libphonenumber takes for punctuation of numbers (`VALID_PUNCTUATION` of PhoneNumberUtil.java), RFC 3966 (`tel:`), RFC 3261 (`sip:`).
 */

/** Signs that are not seen: marks of writing direction, joiners, the soft hyphen. Phone books and web pages hand them on with a number. */
const INVISIBLE = /\u034f|[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;
/** Hyphens, dashes, minus signs and what stands for them. */
const DASH = /[\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\u30fc\u2500\u301c\u2053\u223c]/g;

/** The text in its compatibility form (full-width and the like become plain), without invisible signs, every dash `-`, every digit ASCII. */
export function plainText(text: string): string {
  return text
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(DASH, '-')
    .replace(/\p{Nd}/gu, asciiDigit)
    .replace(/\s+/g, ' ')
    .trim();
}

/** Scripts have their ten digits one behind the other, zero first: https://www.unicode.org/reports/tr44/#Numeric_Type */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  if (code < 0x80) return digit;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}

/** Undoes percent-encoding, once; what is none stays as it is. */
export function percentDecoded(text: string): string {
  if (!/%[0-9a-f]{2}/i.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What separates the digits of a written number. */
export function withoutSeparators(text: string): string {
  return text.replace(/[\s().\-/~[\]]/g, '');
}
