/** Texts in the letters that they are compared in, of any script. Pure. */

/**
 * Scripts whose words stand without spaces, and Hangul, whose particles hang on the word: what is looked for is found within a sentence. By script extensions, so that
 * signs which several of them share, as the Japanese mark of a long vowel, are of them.
 */
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
const UNSPACED_LETTER = new RegExp(`(?=\\p{L})${UNSPACED.source}\\p{M}*`, 'gu');

/** Marks that people and transcribers leave out: accents and points. Elsewhere, as in Devanagari or Thai, they are the vowels. */
const OPTIONAL_MARKS =
  /(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}])\p{M}+/gu;

/** Small letters in one spelling: no accents, no wide or narrow forms, nothing invisible. */
export const folded = (text: string): string =>
  text
    .replace(/\p{Cf}/gu, '')
    .normalize('NFKD')
    .replace(OPTIONAL_MARKS, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/ς/g, 'σ');

/** Whether any of it is of a script without spaces between words. */
export const isUnspaced = (text: string): boolean => UNSPACED.test(text);

/** With a space around each letter of scripts that write none, so that what is found between spaces is found within their sentences. */
export const apart = (text: string): string => text.replace(UNSPACED_LETTER, ' $& ');

/** Words as they are compared: folded, no punctuation, single spaces; each letter for itself where the script has no spaces. */
export const plain = (text: string): string =>
  apart(folded(text))
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim();

/** Whether words with single spaces between them are in a text of such, whole and in this order; never where there are none. */
export const hasAll = (text: string, wanted: string): boolean => wanted !== '' && ` ${text} `.includes(` ${wanted} `);

/** The same of words as they are written. */
export const hasWords = (text: string, words: string): boolean => hasAll(plain(text), plain(words));
