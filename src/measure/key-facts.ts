import { folded, hasAll, hasWords, isUnspaced } from './spelling.ts';
import { wordsOf } from './words.ts';

/**
 * Whether what matters was understood: numbers, names and dates are looked for in a text in the spellings that people and transcribers have for them. Pure.
 * Number words and month names are English.
 */

/** `number`: digits, as "1200" or "12.50". `name`: a name, or a code of letters and digits. `date`: YYYY-MM-DD, or MM-DD without a year. `words`: as they are. */
export interface KeyFact {
  readonly kind: 'number' | 'name' | 'date' | 'words';
  readonly value: string;
}

export interface KeyFacts {
  readonly n: number;
  readonly found: readonly KeyFact[];
  readonly missing: readonly KeyFact[];
}

/** Which of the facts are in the text. A date that is none is never found. */
export function compareFacts(facts: readonly KeyFact[], text: string): KeyFacts {
  const found = facts.filter((fact) => isIn(fact, text));
  return { n: facts.length, found, missing: facts.filter((fact) => !found.includes(fact)) };
}

function isIn({ kind, value }: KeyFact, text: string): boolean {
  switch (kind) {
    case 'number':
      return hasNumber(value, wordsOf(text));
    case 'name':
      return hasName(value, text);
    case 'date':
      return hasDate(value, text);
    case 'words':
      return hasAll(wordsOf(text).join(' '), wordsOf(value).join(' '));
  }
}

const NUMERAL = /^\d+(?:\.\d+)?$/;
/** What stands between the parts of a number as it is read out. */
const BETWEEN = new Set([
  'point',
  'dot',
  'dash',
  'and',
  'dollar',
  'dollars',
  'euro',
  'euros',
  'pound',
  'pounds',
  'cent',
  'cents',
]);
/** Parts that a number is read out in at most: a card's digits. */
const MOST_PARTS = 24;

/** Digits in one piece or in several, one after the other: 0791234 is "079 12 34", too. */
function hasNumber(value: string, words: readonly string[]): boolean {
  // 20.5 is read out as 20.50.
  const readOut = /\d\.\d$/.test(value) ? [value, `${value}0`] : [value];
  return readOut.some((one) => hasDigits(one, words));
}

function hasDigits(value: string, words: readonly string[]): boolean {
  const wanted = digitsOf(value);
  if (wanted === '') return false;
  const quantity = quantityOf(value.replace(/(?<=\d)[,\s](?=\d{3}(?!\d))/g, ''));
  // Digits before the point, where there is one.
  const whole = /\d\.\d{1,2}$/.test(value) ? digitsOf(value.split('.')[0]!).length : undefined;
  for (let at = 0; at < words.length; at++) {
    let read = '';
    let isParted = whole === undefined;
    for (let i = at; i < words.length && i < at + MOST_PARTS; i++) {
      const word = words[i]!;
      if (!NUMERAL.test(word)) {
        if (i > at && BETWEEN.has(word)) continue;
        break;
      }
      if (i === at && quantity !== undefined && quantityOf(word) === quantity) return true;
      // "20.00" is no 2000; in "1.200" the point may be the sign of thousands.
      if (i === at && quantity !== undefined && /\.(?!\d{3}$)/.test(word) && digitsOf(word) === wanted) break;
      read += digitsOf(word);
      // "1250" is not 12.50, which is read out in two parts, "12 50".
      isParted ||= read.length === whole;
      if (read === wanted) return isParted;
      if (!wanted.startsWith(read)) break;
    }
  }
  return false;
}

const digitsOf = (text: string) => text.replace(/\D/g, '');
/** How much it is, in one spelling: 20, 20.0 and 20.00 are one number. Undefined of what is none, but digits one by one: 007 and 7 are two codes. */
function quantityOf(text: string): string | undefined {
  const read = /^(0|[1-9]\d*)(?:\.(\d+))?$/.exec(text.trim());
  if (read === null) return undefined;
  const parts = (read[2] ?? '').replace(/0+$/, '');
  return parts === '' ? read[1]! : `${read[1]!}.${parts}`;
}

/** Letters of any script as they sound alike in all spellings: no accents, and the two ways to write an umlaut are one. */
const lettersOf = (text: string) =>
  folded(
    text
      .normalize('NFC')
      .toLowerCase()
      .replace(/ß/g, 'ss')
      .replace(/ä|æ/g, 'ae')
      .replace(/ö|ø|œ/g, 'oe')
      .replace(/ü/g, 'ue'),
  )
    .replace(/[^\p{L}\p{M}\p{N}]/gu, '')
    .replace(/([aou])e/g, '$1');

/** A name in one word or several, spelt out, or off by a letter or two where it is long. */
function hasName(value: string, text: string): boolean {
  const wanted = lettersOf(value);
  if (wanted === '') return false;
  // Of a script without spaces a name is a part of the sentence, and one letter off is another name.
  if (isUnspaced(wanted)) return hasWords(text, value);
  const tokens = text.split(/[^\p{L}\p{N}\p{M}'’]+/u).filter((token) => token !== '');
  const parts = Math.max(1, value.trim().split(/\s+/).length);
  const allowed = /\d/.test(wanted) || wanted.length < 4 ? 0 : wanted.length < 8 ? 1 : 2;
  for (let at = 0; at < tokens.length; at++) {
    // "Anna Maria" may come as "Annamaria", "McKay" as "Mac Kay".
    for (let length = 1; length <= parts + 1 && at + length <= tokens.length; length++) {
      if (distance(lettersOf(tokens.slice(at, at + length).join('')), wanted, allowed) <= allowed) return true;
    }
    let spelt = '';
    for (let i = at; i < tokens.length && tokens[i]!.length === 1; i++) {
      spelt += tokens[i]!;
      if (lettersOf(spelt) === wanted) return true;
    }
  }
  return false;
}

/** Letters to change, put in or take out; more than `most` is told as `most + 1`. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

function hasDate(value: string, text: string): boolean {
  const read = /^(?:(\d{4})-)?(\d{2})-(\d{2})$/.exec(value);
  if (read === null) return false;
  const [year, month, day] = [read[1], Number(read[2]), Number(read[3])] as const;
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  return inFigures(text, year, month, day) || inWords(wordsOf(text), year, month, day);
}

/** 2026-12-03, 3.12.2026, 12/3/26, 3/12: which of two is the month depends on the country, so either will do. */
function inFigures(text: string, year: string | undefined, month: number, day: number): boolean {
  const fits = (written: string | undefined) =>
    year === undefined || written === undefined || written === '' || year.endsWith(written);
  for (const [, y, m, d] of text.matchAll(/(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)/g)) {
    if (Number(m) === month && Number(d) === day && fits(y)) return true;
  }
  for (const [, a, b, y] of text.matchAll(/(?<![\d./])(\d{1,2})[./]\s?(\d{1,2})(?:[./]\s?(\d{4}|\d{2}))?(?!\d)/g)) {
    const either = (Number(a) === day && Number(b) === month) || (Number(a) === month && Number(b) === day);
    if (either && fits(y)) return true;
  }
  return false;
}

/** December 3rd, the third of December, 3 Dec 2026, December the third, twenty twenty six. */
function inWords(words: readonly string[], year: string | undefined, month: number, day: number): boolean {
  const name = MONTHS[month - 1]!;
  const skip = (word: string | undefined) => word === 'the' || word === 'of';
  return words.some((word, at) => {
    if (word !== name && !(word.length >= 3 && word.length <= 4 && name.startsWith(word))) return false;
    const before = skip(words[at - 1]) ? at - 2 : at - 1;
    const behind = skip(words[at + 1]) ? at + 2 : at + 1;
    const last = words[before] === String(day) ? at : words[behind] === String(day) ? behind : undefined;
    if (last === undefined) return false;
    const next = words[last + 1] ?? '';
    // A year may be read out in two parts.
    const written = /^\d{4}$/.test(next) ? next : /^\d\d$/.test(next) ? next + (words[last + 2] ?? '') : '';
    return year === undefined || !/^\d{4}$/.test(written) || written === year;
  });
}
