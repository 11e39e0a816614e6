/**
 * Which of a message's words a caller heard who interrupted it. Words are found as Unicode finds them (UAX #29, with ICU's dictionaries),
 * since Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces between them.
 */

/** One for the process: making one loads ICU's rules. Dictionaries go by the text's script, not by the locale. */
const WORDS = new Intl.Segmenter('und', { granularity: 'word' });
const GRAPHEMES = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** What is spoken of a text: quotes, dashes and marks of emphasis before the first word are not. */
const SPOKEN = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;
/** A longer run of letters is no word that one waits out: it is cut within, UTF-16 units. */
const LONGEST_WORD = 40;

/**
 * How long a text takes to say, in letters of an alphabet. A character of Chinese or Korean is a syllable, one of kana a shorter one, a
 * digit is a word; marks and joiners make no sound of their own.
 */
export function spokenLength(text: string): number {
  let sum = 0;
  for (const character of text) sum += lengthOf(character.codePointAt(0)!);
  return sum;
}

/**
 * The beginning of `text` that is heard while `length` of it (as `spokenLength` counts) is spoken. A word of which only a part was heard is
 * taken away whole, except the first: somebody who heard something was told something. '' for a length of 0 or less.
 */
export function heardPart(text: string, length: number): string {
  if (!(length > 0)) return '';
  const at = indexAt(text, length);
  if (at >= text.length) return text;
  const words = WORDS.segment(text);
  const head = text.slice(0, words.containing(at)!.index);
  if (SPOKEN.test(head)) return head.trimEnd();
  for (const { segment, index } of words) {
    if (!SPOKEN.test(segment)) continue;
    if (segment.length <= LONGEST_WORD) return text.slice(0, index + segment.length);
    const next = GRAPHEMES.segment(text).containing(Math.max(index, at))!;
    return text.slice(0, next.index > index ? next.index : index + next.segment.length);
  }
  return text;
}

/** Where the text is after `length` of it was spoken, UTF-16 units. */
function indexAt(text: string, length: number): number {
  let left = length;
  let at = 0;
  for (const character of text) {
    left -= lengthOf(character.codePointAt(0)!);
    // Rounding must not take away a word that ends exactly here.
    if (left < -1e-6) return at;
    at += character.length;
  }
  return at;
}

/** Blocks of the Unicode standard, each from its first code point to its last, and what one character of it takes to say. */
const BLOCKS: ReadonlyArray<readonly [from: number, to: number, length: number]> = [
  [0x30, 0x39, 3], // digits
  [0x300, 0x36f, 0], // combining marks
  [0x200b, 0x200f, 0], // zero width, and marks of direction
  [0x202a, 0x202e, 0],
  [0x2060, 0x2069, 0],
  [0x3040, 0x30ff, 2], // hiragana and katakana
  [0x3400, 0x4dbf, 3], // Chinese characters
  [0x4e00, 0x9fff, 3],
  [0xac00, 0xd7a3, 3], // Korean syllables
  [0xf900, 0xfaff, 3],
  [0xfe00, 0xfe0f, 0], // variation selectors
  [0xfeff, 0xfeff, 0],
  [0x20000, 0x3ffff, 3],
];

function lengthOf(codePoint: number): number {
  if (codePoint > 0x39 && codePoint < 0x300) return 1;
  for (const [from, to, length] of BLOCKS) if (codePoint >= from && codePoint <= to) return length;
  return 1;
}
