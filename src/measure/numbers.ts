/** English numbers among words as digits: "twenty one", "one hundred and five", "nineteen oh four", "double seven". Pure. */

const UNITS: Readonly<Record<string, number>> = {
  zero: 0,
  oh: 0,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
};
const TEENS: Readonly<Record<string, number>> = {
  ten: 10,
  eleven: 11,
  twelve: 12,
  thirteen: 13,
  fourteen: 14,
  fifteen: 15,
  sixteen: 16,
  seventeen: 17,
  eighteen: 18,
  nineteen: 19,
};
const TENS: Readonly<Record<string, number>> = {
  twenty: 20,
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
};
const LARGE: Readonly<Record<string, number>> = { thousand: 1_000, million: 1_000_000, billion: 1_000_000_000 };
const ORDINALS: Readonly<Record<string, string>> = {
  first: 'one',
  second: 'two',
  third: 'three',
  fourth: 'four',
  fifth: 'five',
  sixth: 'six',
  seventh: 'seven',
  eighth: 'eight',
  ninth: 'nine',
  tenth: 'ten',
  eleventh: 'eleven',
  twelfth: 'twelve',
  twentieth: 'twenty',
  thirtieth: 'thirty',
};
const REPEATS: Readonly<Record<string, number>> = { double: 2, triple: 3 };

const known = (table: Readonly<Record<string, number>>, word: string | undefined): number | undefined =>
  word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;

/** What makes a large number behind it one that nobody knows: "a few hundred", "half a million". */
const VAGUE = new Set(['half', 'quarter', 'few', 'several', 'couple', 'many', 'some']);

/** "a hundred", "a thousand", and "hundred" or "thousand" alone: how many words stand for the one of them; undefined where there is none to add. */
function impliedOne(words: readonly string[], at: number): number | undefined {
  const before = words[at - 1];
  if (before !== undefined && (VAGUE.has(before) || /^\d+(?:\.\d+)?$/.test(before))) return undefined;
  const isLarge = (word: string | undefined) => word === 'hundred' || known(LARGE, word) !== undefined;
  if (words[at] === 'a' || words[at] === 'an') return isLarge(words[at + 1]) ? 1 : undefined;
  return words[at] === 'hundred' || words[at] === 'thousand' ? 0 : undefined;
}

/** A number that is said as one: how many words it takes, and its value. "oh" alone is a sigh and no number. */
function numberAt(words: readonly string[], at: number): { words: number; value: number } | undefined {
  const implied = impliedOne(words, at);
  let i = at + (implied ?? 0);
  let sum = 0;
  let part: number | undefined = implied === undefined ? undefined : 1;
  for (;;) {
    const word = words[i];
    const small = below100(words, i);
    const large = known(LARGE, word);
    const digits =
      word !== undefined && part === undefined && /^\d+$/.test(word) && i === at ? Number(word) : undefined;
    if (small !== undefined && (part === undefined || (part % 100 === 0 && part >= 100))) {
      part = (part ?? 0) + small.value;
      i += small.words;
    } else if (word === 'hundred' && part !== undefined && part < 100 && part > 0) {
      part *= 100;
      i++;
    } else if (large !== undefined && part !== undefined && part > 0) {
      sum += part * large;
      part = undefined;
      i++;
      // "two thousand", and no more: what comes next may still be of it.
      if (below100(words, words[i] === 'and' ? i + 1 : i) === undefined) return { words: i - at, value: sum };
    } else if (
      word === 'and' &&
      (part === undefined ? sum > 0 : part % 100 === 0) &&
      below100(words, i + 1) !== undefined
    ) {
      i++;
    } else if (digits !== undefined && (words[i + 1] === 'hundred' || known(LARGE, words[i + 1]) !== undefined)) {
      part = digits;
      i++;
    } else break;
  }
  return i === at ? undefined : { words: i - at, value: sum + (part ?? 0) };
}

function below100(words: readonly string[], at: number): { words: number; value: number } | undefined {
  const word = words[at];
  const teen = known(TEENS, word);
  if (teen !== undefined) return { words: 1, value: teen };
  const ten = known(TENS, word);
  const unit = known(UNITS, ten === undefined ? word : words[at + 1]);
  if (ten !== undefined)
    return unit === undefined || unit === 0 ? { words: 1, value: ten } : { words: 2, value: ten + unit };
  return unit === undefined || (word === 'oh' && !isNumeral(words[at - 1]) && !isNumeral(words[at + 1]))
    ? undefined
    : { words: 1, value: unit };
}

function isNumeral(word: string | undefined): boolean {
  if (word === undefined) return false;
  const base = ORDINALS[word] ?? word;
  return (
    [UNITS, TEENS, TENS, REPEATS].some((table) => Object.hasOwn(table, base) && base !== 'oh') || /^\d+$/.test(word)
  );
}

/** The words with what is a number in them as digits. Ordinals become the number: "third" and "3rd" are both 3. */
export function numbersAsDigits(written: readonly string[]): string[] {
  const words = written.map((word) => {
    const ordinal = /^(\d+)(?:st|nd|rd|th)$/.exec(word);
    return ordinal?.[1] ?? (Object.hasOwn(ORDINALS, word) ? ORDINALS[word]! : word);
  });
  const out: string[] = [];
  for (let at = 0; at < words.length; ) {
    const repeat = known(REPEATS, words[at]);
    const digit = repeat === undefined ? undefined : (known(UNITS, words[at + 1]) ?? single(words[at + 1]));
    if (repeat !== undefined && digit !== undefined) {
      out.push(...String(digit).repeat(repeat));
      at += 2;
      continue;
    }
    const number = numberAt(words, at);
    out.push(number === undefined ? words[at]! : String(number.value));
    at += number?.words ?? 1;
  }
  return out;
}

const single = (word: string | undefined) => (word !== undefined && /^\d$/.test(word) ? Number(word) : undefined);
