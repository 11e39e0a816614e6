/**
 * As many of a list as can be shown, in its order: all that are urgent before any other, and of each kind evenly over the whole list, so that its end is seen as its beginning is.
 * @template T
 * @param {ReadonlyArray<T>} list
 * @param {number} most 1 or more
 * @param {(one: T) => boolean} isUrgent
 * @returns {T[]}
 */
export function thinned(list, most, isUrgent) {
  if (list.length <= most) return [...list];
  const urgent = evenly(list.filter(isUrgent), most);
  const kept = new Set([
    ...urgent,
    ...evenly(
      list.filter((one) => !isUrgent(one)),
      most - urgent.length,
    ),
  ]);
  return list.filter((one) => kept.has(one));
}

/** @template T @param {ReadonlyArray<T>} list @param {number} most @returns {T[]} */
function evenly(list, most) {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, index) => /** @type {T} */ (list[Math.floor((index * list.length) / most)]));
}

/** That not all moments are marked, in words; empty where they are. @param {number} shown @param {number} all @param {string} [where] where all of them are told */
export function leftOutWords(shown, all, where = '') {
  return shown >= all
    ? ''
    : `${shown} of ${all} moments are marked here: what went wrong first, the others evenly. ${where}`.trimEnd();
}
