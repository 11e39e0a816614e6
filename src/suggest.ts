/** What somebody most likely meant to write: for messages about names that do not exist. */

/** How many letters must be put in, taken out, changed or swapped with their neighbour to make one word of the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The letters and digits of a name, small: `Turn_Detection` and `turnDetection` are the same to people. */
const bare = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** The name among `known` that a written one is nearly; undefined when it is like none of them. Spelling in capitals counts as the same. */
export function meant(written: string, known: Iterable<string>): string | undefined {
  const word = bare(written);
  // A short word is near to everything; a very long one is not worth the work.
  if (word === '' || word.length > 60) return undefined;
  let best: { name: string; far: number } | undefined;
  for (const name of known) {
    const far = distance(word, bare(name));
    const most = bare(name).length <= 4 ? 1 : 2;
    if (far <= most && far < (best?.far ?? Number.POSITIVE_INFINITY)) best = { name, far };
  }
  return best?.name;
}

/** The name among `known` that has most of a written one's letters, where more than half of them are; for names that are known to be of this kind. */
export function nearest(written: string, known: Iterable<string>): string | undefined {
  const word = bare(written);
  if (word === '' || word.length > 60) return undefined;
  let best: { name: string; share: number } | undefined;
  for (const name of known) {
    const other = bare(name);
    const share = distance(word, other) / Math.max(word.length, other.length);
    if (share < (best?.share ?? 0.5)) best = { name, share };
  }
  return best?.name;
}

/** A sentence's end for a message: `; did you mean tools?`, or nothing. */
export function hint(written: string, known: Iterable<string>): string {
  const name = meant(written, known);
  return name === undefined ? '' : `; did you mean ${name}?`;
}
