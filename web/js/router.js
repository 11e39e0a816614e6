/**
 * Which view is shown, kept in the address after `#`, so that the browser's back button, a reload and a link to a call work:
 * `#/live`, `#/live/ID`, `#/calls?q=...`, `#/calls/ID`.
 */

/** @typedef {{ view: 'live' | 'calls', id: string | undefined, query: URLSearchParams }} Route */

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view, id] = path.split('/');
  return {
    view: view === 'calls' ? 'calls' : 'live',
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
 * @param {'live' | 'calls'} view
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

/** @param {(route: Route) => void} show */
export function onRoute(show) {
  /** @type {string | undefined} */
  let shown;
  // Going back tells both events of one move.
  const tell = () => {
    if (location.hash === shown) return;
    shown = location.hash;
    show(parseRoute(shown));
  };
  addEventListener('hashchange', tell);
  addEventListener('popstate', tell);
  tell();
}
