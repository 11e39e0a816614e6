/** What differs between two texts, line by line. Pure. */

/** Longest texts that are compared line by line, in lines of both together: the work grows with the product of what differs. */
const MOST_LINES = 6_000;

/** @typedef {{ kind: 'same' | 'gone' | 'new', text: string, line: number | undefined }} DiffLine `line`: its number in the second text */

/**
 * The lines of both texts in one order: those of the longest common subsequence once.
 * @param {string} before
 * @param {string} after
 * @returns {DiffLine[]}
 */
export function diffOf(before, after) {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const [midA, midB] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  /** @type {DiffLine[]} */
  const all = [];
  let line = 0;
  const same = (/** @type {string} */ text) => all.push({ kind: 'same', text, line: ++line });
  const gone = (/** @type {string} */ text) => all.push({ kind: 'gone', text, line: undefined });
  const fresh = (/** @type {string} */ text) => all.push({ kind: 'new', text, line: ++line });
  a.slice(0, head).forEach(same);
  if (midA.length + midB.length > MOST_LINES) {
    midA.forEach(gone);
    midB.forEach(fresh);
  } else middle(midA, midB, same, gone, fresh);
  a.slice(a.length - tail).forEach(same);
  return all;
}

/**
 * @param {readonly string[]} a
 * @param {readonly string[]} b
 * @param {(text: string) => void} same
 * @param {(text: string) => void} gone
 * @param {(text: string) => void} fresh
 */
function middle(a, b, same, gone, fresh) {
  const width = b.length + 1;
  // How long the longest common subsequence of what is left of both is, from each place.
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      same(/** @type {string} */ (a[i]));
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) gone(/** @type {string} */ (a[i++]));
    else fresh(/** @type {string} */ (b[j++]));
  }
}

/**
 * What differs with some lines around it; what is left out between is undefined.
 * @param {readonly DiffLine[]} lines
 * @param {number} [around]
 * @returns {Array<DiffLine | undefined>}
 */
export function shortened(lines, around = 3) {
  const near = new Set();
  lines.forEach(({ kind }, at) => {
    if (kind !== 'same') for (let i = at - around; i <= at + around; i++) near.add(i);
  });
  /** @type {Array<DiffLine | undefined>} */
  const shown = [];
  lines.forEach((line, at) => {
    if (near.has(at)) shown.push(line);
    else if (shown.at(-1) !== undefined || shown.length === 0) shown.push(undefined);
  });
  return near.size === 0 ? [] : shown;
}
