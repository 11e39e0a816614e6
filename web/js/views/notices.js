import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';

/** Short messages: seen in a corner, and said to those who do not see them. */

const SHOWN_MS = 6_000;
const MOST = 4;

/**
 * @param {string} text
 * @param {'info' | 'error'} [tone] an error stays until it is put away
 */
export function notify(text, tone = 'info') {
  const area = document.getElementById('toasts');
  if (area === null) return;
  const close = h(
    'button',
    { class: 'icon-button', type: 'button', 'aria-label': 'Put this message away' },
    icon('close'),
  );
  const toast = h(
    'div',
    { class: `toast ${tone}`, role: tone === 'error' ? 'alert' : 'status' },
    h('span', {}, text),
    close,
  );
  close.addEventListener('click', () => toast.remove());
  area.append(toast);
  while (area.childElementCount > MOST) area.firstElementChild?.remove();
  if (tone === 'info') setTimeout(() => toast.remove(), SHOWN_MS);
}

/** Says something to screen readers alone. @param {string} text */
export function announce(text) {
  const area = document.getElementById('announcer');
  if (area !== null) area.textContent = text;
}

/** What went wrong, in words. @param {unknown} error */
export const wordsOf = (error) => (error instanceof Error ? error.message : String(error));
