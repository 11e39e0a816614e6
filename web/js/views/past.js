import { h } from '../lib/dom.js';
import { createPastDetail } from './past-detail.js';
import { createPastList } from './past-list.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../router.js').Route} Route
 */

/** The view of calls that are over: the list with its filters, or one of them. @param {{ api: Api }} options */
export function createPastView({ api }) {
  const element = h('div', { class: 'past-view' });
  const list = createPastList(api);
  /** @type {ReturnType<typeof createPastDetail> | undefined} */
  let detail;
  /** @type {Route | undefined} */
  let shown;

  const show = (/** @type {Route} */ route) => {
    if (route.id === undefined) {
      detail?.close();
      detail = undefined;
      if (element.firstElementChild !== list.element) element.replaceChildren(list.element);
      // The list stays as it was where it is only come back to.
      list.show(route.query);
    } else if (detail === undefined || detail.id !== route.id || detail.place !== route.query.toString()) {
      detail?.close();
      detail = createPastDetail(api, route.id, () => list.address(), route.query);
      element.replaceChildren(detail.element);
      scrollTo(0, 0);
      detail.focus();
    }
    shown = route;
  };
  return {
    element,
    show,
    /** After signing in: what was refused before is asked for again. */
    refresh() {
      if (shown === undefined) return;
      list.forget();
      detail?.close();
      detail = undefined;
      show(shown);
    },
  };
}
