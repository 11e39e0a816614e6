/**
 * Which view is shown, kept in the address after `#`, so that the browser's back button, a reload and a link to a call work:
 * `#/live`, `#/live/ID`, `#/calls?q=...`, `#/calls/ID`, and so on for each view. The first is shown where the address names none.
 */

/** The views, by what they are called in the address, with their titles. */
export const VIEWS = /** @type {const} */ ([
  ['live', 'Live'],
  ['calls', 'Past calls'],
  ['overview', 'Overview'],
  ['agents', 'Agents'],
  ['desk', 'Test desk'],
  ['setup', 'Setup'],
  ['people', 'People'],
]);

/** @typedef {typeof VIEWS[number][0]} View */
/** @typedef {{ view: View, id: string | undefined, query: URLSearchParams }} Route */

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view, id] = path.split('/');
  return {
    view: VIEWS.find(([name]) => name === view)?.[0] ?? VIEWS[0][0],
    id: id === undefined || id === '' ? undefined : decoded(id),
    query: new URLSearchParams(query),
  };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * @param {View} view
 * @param {string} [id]
 * @param {URLSearchParams} [query]
 */
export function routeTo(view, id, query) {
  const search = query?.toString() ?? '';
  return `#/${view}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${search === '' ? '' : `?${search}`}`;
}

/** @param {string} hash @param {{ replace?: boolean }} [options] */
export function go(hash, { replace = false } = {}) {
  if (location.hash === hash) return;
  if (replace) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/**
 * @param {(route: Route) => void} show
 * @param {(route: Route, goOn: () => void) => boolean} [holds] whether what is shown may not be left for that now; `goOn` goes there all the same
 */
export function onRoute(show, holds = () => false) {
  /** @type {string | undefined} */
  let shown;
  /** @type {string | undefined} */
  let allowed;
  // Going back tells both events of one move.
  const tell = () => {
    const wanted = location.hash;
    if (wanted === shown) return;
    const goOn = () => {
      allowed = wanted;
      go(wanted);
    };
    if (shown !== undefined && wanted !== allowed && holds(parseRoute(wanted), goOn)) {
      // The address names what is shown.
      history.replaceState(null, '', shown);
      return;
    }
    allowed = undefined;
    shown = wanted;
    show(parseRoute(shown));
  };
  addEventListener('hashchange', tell);
  addEventListener('popstate', tell);
  tell();
}
