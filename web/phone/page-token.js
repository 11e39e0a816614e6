/** Whose token a page that stands alone has: the one in its fragment (`#token=...`), which no server sees, else the one with which its tab is signed in to the console. */

const TOKEN_KEY = 'voicebridge.token';

/**
 * Takes the token out of the address, where whoever looks at the screen, copies the address or goes back to it would have it, too; from then on the tab keeps it.
 * @returns {string | null}
 */
export function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get('token');
  if (given === null) return sessionStorage.getItem(TOKEN_KEY);
  fragment.delete('token');
  const rest = fragment.toString();
  history.replaceState(history.state, '', `${location.pathname}${location.search}${rest === '' ? '' : `#${rest}`}`);
  keepToken(given);
  return given;
}

/** The tab is signed in with this one. @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}
