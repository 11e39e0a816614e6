/**
 * One stop of the tab key for a whole list; arrows, Home and End move within it. The items are links or buttons, so Enter is theirs.
 * @param {HTMLElement} list
 * @param {string} selector of the items in it
 */
export function roving(list, selector) {
  const items = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]);
  const settle = (/** @type {HTMLElement} */ chosen) => {
    // Written only where it differs: each writing makes the browser look at the element's style anew.
    for (const item of items()) {
      const index = item === chosen ? 0 : -1;
      if (item.tabIndex !== index) item.tabIndex = index;
    }
  };

  list.addEventListener('keydown', (event) => {
    const all = items();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    const next = to === undefined ? undefined : all[to];
    if (to === undefined) return;
    event.preventDefault();
    next?.focus();
  });
  list.addEventListener('focusin', ({ target }) => {
    const item = /** @type {Element} */ (target).closest(selector);
    if (item instanceof HTMLElement) settle(item);
  });

  return {
    /** To be called after the list changed: exactly one item takes the tab key. @param {HTMLElement | null} [preferred] */
    refresh(preferred) {
      const all = items();
      const current =
        all.find((item) => item === document.activeElement) ??
        preferred ??
        all.find((item) => item.tabIndex === 0) ??
        all[0];
      if (current !== undefined && current !== null) settle(current);
    },
  };
}
