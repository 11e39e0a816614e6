import { BridgeError } from '../../errors.ts';

/**
 * Every address of the model's API grows from one base URL, so that one setting points key, SDP and WebSocket at another deployment.
 * A query string in the base (`?api-version=...`) is part of every request.
 */

export const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

/** Parses the base URL; throws CONFIG_INVALID for what is not http(s) or ws(s). */
function parseBase(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^(https?|wss?):$/.test(url.protocol)) {
    throw new BridgeError('CONFIG_INVALID', 'the base URL of the model must be an http(s) or ws(s) URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw new BridgeError('CONFIG_INVALID', 'the base URL of the model must not hold a user name or password');
  }
  url.hash = '';
  return url;
}

function extend(baseUrl: string, path: string, query: Readonly<Record<string, string>>, socket: boolean): string {
  const url = parseBase(baseUrl);
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  // `URL.protocol` may not be set across "special" boundaries, but http, https, ws and wss are all special: this is allowed.
  url.protocol = socket ? (secure ? 'wss:' : 'ws:') : secure ? 'https:' : 'http:';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * An HTTP address under the base: `restUrl('https://h/v1?api-version=1', 'realtime/calls', { model: 'm' })` is
 * `https://h/v1/realtime/calls?api-version=1&model=m`. A parameter given here wins over one of the base.
 */
export function restUrl(baseUrl: string, path: string, query: Readonly<Record<string, string>> = {}): string {
  return extend(baseUrl, path, query, false);
}

/** The WebSocket address, `<base>/realtime`: http becomes ws and https becomes wss. */
export function socketUrl(baseUrl: string, query: Readonly<Record<string, string>> = {}): string {
  return extend(baseUrl, 'realtime', query, true);
}
