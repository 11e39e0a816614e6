import { fill, h } from '../lib/dom.js';

/**
 * The place of the test desk, which is loaded with its telephone when it is first shown.
 * @param {Omit<Parameters<typeof import('./desk.js').createDesk>[0], 'phone'>} options
 */
export function createDeskView(options) {
  const element = h('div', { class: 'desk-view' });
  /** @type {ReturnType<typeof import('./desk.js').createDesk> | undefined} */
  let desk;
  /** @type {import('../router.js').Route | undefined} */
  let shown;
  let loading = false;
  let isThere = true;

  const load = async () => {
    if (loading) return;
    loading = true;
    fill(element, h('p', { class: 'empty' }, 'One moment …'));
    try {
      const [phone, { createDesk }] = await Promise.all([options.own.load(), import('./desk.js')]);
      desk = createDesk({ ...options, phone });
      desk.connected(isThere);
      fill(element, desk.element);
      if (shown !== undefined) desk.show(shown);
    } catch {
      fill(element, h('p', { class: 'empty' }, 'This daemon does not offer calls from the browser.'));
    } finally {
      loading = false;
    }
  };

  return {
    element,
    /** @param {import('../router.js').Route} route */
    show(route) {
      shown = route;
      if (desk === undefined) void load();
      else desk.show(route);
    },
    ask: () => desk?.ask(),
    refresh: () => desk?.refresh(),
    /** @param {boolean} there */
    connected(there) {
      isThere = there;
      desk?.connected(there);
    },
    leave() {
      shown = undefined;
      desk?.leave();
    },
    /** @param {{ callId: string, caller: number | null, agent: number | null }} message dBFS */
    levels: (message) => desk?.levels(message),
  };
}
