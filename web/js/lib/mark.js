import { h } from './dom.js';

/**
 * A text with parts of it marked.
 * @param {string} text
 * @param {ReadonlyArray<readonly [number, number]>} marks beginning and end of each, in order
 * @returns {Array<string | HTMLElement>}
 */
export function marked(text, marks) {
  /** @type {Array<string | HTMLElement>} */
  const parts = [];
  let at = 0;
  for (const [from, to] of marks) {
    if (from < at || to > text.length) continue;
    if (from > at) parts.push(text.slice(at, from));
    parts.push(h('mark', {}, text.slice(from, to)));
    at = to;
  }
  parts.push(text.slice(at));
  return parts;
}

/** What of a text begins like one of the words of a search, as the daemon finds it: without case and accents. @param {string} text @param {string} asked */
export function marksOf(text, asked) {
  const words = plain(asked).match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)]
    .filter(([word]) => words.some((one) => plain(word).startsWith(one)))
    .map((match) => /** @type {[number, number]} */ ([match.index, match.index + match[0].length]));
}

/** @param {string} text */
const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
