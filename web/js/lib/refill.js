import { fill } from './dom.js';

/**
 * Puts other children into an element, as `fill` does. What had the focus in it is made anew, and has it again where it is still there: an element of the same
 * `data-key`, or a link to the same place.
 * @param {Element} element
 * @param {...(import('./dom.js').Child | import('./dom.js').Child[])} children
 */
export function refill(element, ...children) {
  const active = document.activeElement;
  const key = active !== null && element.contains(active) ? keyOf(active) : null;
  fill(element, ...children);
  if (key === null) return;
  const again = [...element.querySelectorAll('[data-key], [href]')].find((one) => keyOf(one) === key);
  /** @type {HTMLElement | undefined} */ (again)?.focus();
}

/** @param {Element} element */
const keyOf = (element) => element.getAttribute('data-key') ?? element.getAttribute('href');
