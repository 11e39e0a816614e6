import { numbersAsDigits } from './numbers.ts';
import { apart, folded } from './spelling.ts';
import { round } from './statistics.ts';

/** Words said and words understood. Pure. */

/**
 * A text as its words, so that spelling alone makes no difference: small letters, no accents, no punctuation but apostrophes within words, numbers as
 * digits where they are written out in English. In scripts without spaces between words each letter is one.
 */
export function wordsOf(text: string): string[] {
  const plain = apart(folded(text))
    .replace(/[\u2018\u2019]/g, "'")
    // Digits that are grouped are one number: 1,200 or 1 200.
    .replace(/(?<=\d)[,\u00a0\u202f](?=\d{3}(?!\d))/g, '');
  return joined(
    numbersAsDigits(
      plain.match(/\d+(?:\.\d+)?(?![\p{L}\p{N}])|[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:'[\p{L}\p{M}]+)*/gu) ?? [],
    ),
  );
}

/** Digits that are said one by one, three or more, are one number: nobody writes down whether it was read out so. */
function joined(words: readonly string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length; ) {
    let end = at;
    while (end < words.length && /^\d$/.test(words[end]!)) end++;
    if (end - at >= 3) out.push(words.slice(at, end).join(''));
    else out.push(...words.slice(at, Math.max(end, at + 1)));
    at = Math.max(end, at + 1);
  }
  return out;
}

/** How far what was understood is from what was said. */
export interface WordErrors {
  /** Words that were said. */
  readonly n: number;
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
  /** All errors over `n`; may be above 1; null where nothing was said. */
  readonly rate: number | null;
}

/** Longest texts that are compared, words: the work grows with the product. What is beyond is left out of both. */
const MOST_WORDS = 5_000;

/** The word error rate: the fewest words to change, take out and put in that make `said` of `understood` (Levenshtein's distance over words). */
export function wordErrors(said: string, understood: string): WordErrors {
  return errorsOf(wordsOf(said).slice(0, MOST_WORDS), wordsOf(understood).slice(0, MOST_WORDS));
}

function errorsOf(from: readonly string[], to: readonly string[]): WordErrors {
  // One row of the table at a time: cost, and of which errors it is. Plain numbers, for whoever asks may have callers on the line.
  const width = to.length + 1;
  const numbers = new Map<string, number>();
  const numberOf = (word: string) => {
    const known = numbers.get(word) ?? numbers.size;
    numbers.set(word, known);
    return known;
  };
  const said = Int32Array.from(from, numberOf);
  const understood = Int32Array.from(to, numberOf);
  let [cost, s, d] = [new Int32Array(width).map((_, j) => j), new Int32Array(width), new Int32Array(width)];
  let [nextCost, nextS, nextD] = [new Int32Array(width), new Int32Array(width), new Int32Array(width)];
  for (let i = 1; i <= from.length; i++) {
    const word = said[i - 1];
    nextCost[0] = i;
    nextS[0] = 0;
    nextD[0] = i;
    for (let j = 1; j < width; j++) {
      const same = word === understood[j - 1];
      const change = cost[j - 1]!;
      const drop = cost[j]!;
      const add = nextCost[j - 1]!;
      if (same || (change <= drop && change <= add)) {
        nextCost[j] = change + (same ? 0 : 1);
        nextS[j] = s[j - 1]! + (same ? 0 : 1);
        nextD[j] = d[j - 1]!;
      } else if (drop <= add) {
        nextCost[j] = drop + 1;
        nextS[j] = s[j]!;
        nextD[j] = d[j]! + 1;
      } else {
        nextCost[j] = add + 1;
        nextS[j] = nextS[j - 1]!;
        nextD[j] = nextD[j - 1]!;
      }
    }
    [cost, s, d, nextCost, nextS, nextD] = [nextCost, nextS, nextD, cost, s, d];
  }
  const [errors, substitutions, deletions] = [cost[to.length]!, s[to.length]!, d[to.length]!];
  return {
    n: from.length,
    substitutions,
    deletions,
    insertions: errors - substitutions - deletions,
    rate: from.length === 0 ? null : round(errors / from.length, 4),
  };
}

/** Sentences shorter than that may well be said twice: "Thank you very much." */
const LEAST_SENTENCE = 5;
/** Of its words, those that may differ in a sentence that is said again. */
const MOST_DIFFERENT = 0.2;
/** Sentences that are looked at, each compared with all before, and words of each: of a text without full stops all is one sentence. */
const MOST_SENTENCES = 300;
const MOST_SENTENCE = 100;

/** Which sentences of the agent's were said before, nearly as they are. Of `n` sentences that are long enough. */
export function repetition(texts: readonly string[]): { readonly n: number; readonly repeated: readonly string[] } {
  const sentences = texts
    .flatMap((text) => text.split(/(?<=[.!?…])\s+/u))
    .map((text) => ({ text, words: wordsOf(text).slice(0, MOST_SENTENCE) }))
    .filter(({ words }) => words.length >= LEAST_SENTENCE)
    .slice(0, MOST_SENTENCES);
  const repeated = sentences.filter(({ words }, i) =>
    sentences.slice(0, i).some((before) => (errorsOf(before.words, words).rate ?? 1) <= MOST_DIFFERENT),
  );
  return { n: sentences.length, repeated: repeated.map(({ text }) => text) };
}
