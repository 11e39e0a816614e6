import { h } from '../lib/dom.js';

/** @typedef {import('../api.js').Api} Api */

/** How long the browser may take to begin with a file, ms. */
const KEPT_MS = 60_000;

/** Gives a file to the browser, to be saved. @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const href = URL.createObjectURL(blob);
  h('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
}

/** Fetches a file, which needs the token, and gives it to the browser. Rejects with an ApiProblem. @param {Api} api @param {string} path @param {string} name */
export async function saveFrom(api, path, name) {
  saveBlob(await (await api.fetch(path)).blob(), name);
}
