/**
 * Buttons whose work takes a while. They keep the focus, which the browser would take from one that is disabled, and do nothing when they are pressed again:
 * whoever hears the press asks `isBusy`.
 */

/** @param {Element} button */
export const isBusy = (button) => button.getAttribute('aria-disabled') === 'true';

/** @param {Element} button @param {boolean} busy */
export function setBusy(button, busy) {
  if (busy) button.setAttribute('aria-disabled', 'true');
  else button.removeAttribute('aria-disabled');
}

/** Whether nothing has the focus, as where what had it is gone. */
export const isFocusLost = () => document.activeElement === null || document.activeElement === document.body;
