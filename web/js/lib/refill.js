import { fill } from './dom.js';

/**
 * Puts other children into an element, as `fill` does. What had the focus in it is made anew, and has it again where it is still there: an element of the same `data-key`.
 * @param {Element} element
 * @param {...(import('./dom.js').Child | import('./dom.js').Child[])} children
 */
export function refill(element, ...children) {
  const active = document.activeElement;
  const key = active !== null && element.contains(active) ? active.getAttribute('data-key') : null;
  fill(element, ...children);
  if (key === null) return;
  const again = [...element.querySelectorAll('[data-key]')].find((one) => one.getAttribute('data-key') === key);
  /** @type {HTMLElement | undefined} */ (again)?.focus();
}
