/**
 * The words of a transcript as they are searched: the same for every database, so that a search finds the same calls whichever of them is
 * used. Letters lose their case and accents; scripts that are written without spaces are cut into single characters.
 */

const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[[\p{L}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+/gv;

/** Longer words are cut: a database's index has a limit of its own. */
const LONGEST = 60;
/** Words of a search beyond these are not looked at. */
const MOST_ASKED = 10;

/** The searchable words of a text, in order. */
export function wordsOf(text: string): string[] {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return (plain.match(WORD) ?? []).map((word) => word.slice(0, LONGEST));
}

/** The different words of a search. */
export function askedWords(text: string): string[] {
  return [...new Set(wordsOf(text))].slice(0, MOST_ASKED);
}

/** Words as they are written, each with what it is searched by. */
const WRITTEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[[\p{L}\p{N}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+/gv;

/** The words of a text and where each stands in it, in UTF-16 units: one written word may be searched as several. */
export function wordsWithPlaces(text: string): Array<{ from: number; to: number; words: readonly string[] }> {
  return [...text.matchAll(WRITTEN)].map((match) => ({
    from: match.index,
    to: match.index + match[0].length,
    words: wordsOf(match[0]),
  }));
}
