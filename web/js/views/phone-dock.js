import { fill, h, setAttribute } from '../lib/dom.js';
import { icon } from '../lib/icons.js';

/** @typedef {import('../api.js').Api} Api */

/**
 * The place of the browser phone: a panel that stays while views change, so that looking at another call does not end one's own. The phone
 * itself is loaded when it is first opened.
 * @param {HTMLElement} dock
 * @param {Api} api
 */
export function createPhoneDock(dock, api) {
  const body = h('div', { class: 'phone-body' });
  const close = h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Hide the phone' }, icon('close'));
  const panel = h(
    'section',
    { class: 'phone-panel', id: 'phone-panel', 'aria-labelledby': 'phone-title', hidden: true },
    h('div', { class: 'pane-head' }, h('h2', { id: 'phone-title' }, 'Call the agent'), close),
    body,
  );
  dock.append(panel);
  /** @type {HTMLElement | undefined} */
  let opener;
  let mounted = false;

  const mount = async () => {
    if (mounted) return;
    mounted = true;
    fill(body, h('p', { class: 'muted' }, 'One moment …'));
    try {
      const { mountPhone } = await import(phoneModule());
      body.replaceChildren();
      mountPhone(body, {
        fetch: (/** @type {string} */ path, /** @type {RequestInit | undefined} */ init) => authorized(api, path, init),
        token: () => api.token,
      });
    } catch {
      // It may be there the next time: a page that was just reloaded into a daemon that starts.
      mounted = false;
      fill(body, h('p', { class: 'muted' }, 'This daemon does not offer calls from the browser.'));
    }
  };
  const set = (/** @type {boolean} */ open) => {
    panel.hidden = !open;
    if (opener !== undefined) setAttribute(opener, 'aria-expanded', String(open));
    if (open) void mount();
    if (open) close.focus();
    else opener?.focus();
  };
  close.addEventListener('click', () => set(false));
  panel.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') set(false);
  });

  return {
    /** @param {HTMLElement} by the button that was pressed */
    toggle(by) {
      opener = by;
      set(panel.hidden === true);
    },
  };
}

const phoneModule = () => new URL('../../phone/phone-panel.js', import.meta.url).href;

/**
 * `fetch` that brings the token and, unlike the console's own, gives refusals as they are.
 * @param {Api} api
 * @param {string} path
 * @param {RequestInit} [init]
 */
function authorized(api, path, init = {}) {
  const headers = new Headers(init.headers);
  if (api.token !== null) headers.set('authorization', `Bearer ${api.token}`);
  return fetch(new URL(path.replace(/^\//, ''), document.baseURI), { ...init, headers });
}
