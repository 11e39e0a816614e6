import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'node:querystring';

/**
 * How carriers of this family sign what they send, and whether a signature is right. Nothing here reads a request: the caller says which URL the
 * carrier was given, which is never taken from the wire when a secret is set.
 * https://www.twilio.com/docs/usage/security#validating-requests
 * https://developer.signalwire.com/platform/dashboard/guides/webhook-security
 */

/** Parameters of a form body: one value, or several where the key was repeated. */
export type SignedParams = Readonly<Record<string, string | readonly string[]>>;

/** What was sent, as far as a signature covers it. */
export interface SignedContent {
  /** The URL as the carrier was given it, query string included, byte for byte. */
  readonly url: string;
  /** Form parameters; empty without a body and for a GET; undefined for a body that is no form (JSON), which is covered by its hash. */
  readonly params: SignedParams | undefined;
  /** The body as it arrived, '' without one. */
  readonly rawBody: string;
}

interface UrlParts {
  scheme: string;
  userInfo: string;
  host: string;
  /** With its colon; '' without one. */
  port: string;
  /** Path, query and fragment. */
  rest: string;
}

/** Splits without normalising: `new URL` would re-encode characters that the carrier signed as they were. */
function splitUrl(url: string): UrlParts | undefined {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url);
  if (match === null) return undefined;
  const [prefix, scheme = '', authority = ''] = match;
  const userInfoEnd = authority.lastIndexOf('@') + 1;
  const hostAndPort = authority.slice(userInfoEnd);
  // The colons within an IPv6 literal's brackets start no port.
  const colon = hostAndPort.indexOf(':', hostAndPort.lastIndexOf(']') + 1);
  return {
    scheme,
    userInfo: authority.slice(0, userInfoEnd),
    host: colon === -1 ? hostAndPort : hostAndPort.slice(0, colon),
    port: colon === -1 ? '' : hostAndPort.slice(colon),
    rest: url.slice(prefix.length),
  };
}

function withoutPort(url: string): string {
  const parts = splitUrl(url);
  return parts === undefined ? url : parts.scheme + parts.userInfo + parts.host + parts.rest;
}

/** The vendor's own rule for the port: 443 for https, 80 for every other scheme, wss included. */
function withPort(url: string): string {
  const parts = splitUrl(url);
  if (parts === undefined || parts.port !== '') return url;
  const port = parts.scheme.toLowerCase() === 'https://' ? ':443' : ':80';
  return parts.scheme + parts.userInfo + parts.host + port + parts.rest;
}

/** The URL without `user:password@`, which some leave out before they sign. */
export function withoutCredentials(url: string): string {
  const parts = splitUrl(url);
  return parts === undefined ? url : parts.scheme + parts.host + parts.port + parts.rest;
}

function withLegacyQuery(url: string): string {
  const start = url.indexOf('?');
  if (start === -1 || start === url.length - 1) return url;
  return `${url.slice(0, start)}?${stringify(parse(url.slice(start + 1)))}`;
}

/** The URLs a carrier may have signed for this one, the likeliest first; the order and set are those of the first vendor's own validator. */
function urlVariants(url: string): string[] {
  const variants = [withoutPort(url), withPort(url)];
  if (URL.canParse(url)) {
    const normalised = new URL(url).toString();
    const bare = withoutPort(normalised);
    const ported = withPort(normalised);
    variants.push(bare, ported, withLegacyQuery(bare), withLegacyQuery(ported));
  }
  return [...new Set(variants)];
}

/** Constant-time comparison; the early return tells only the length, which the algorithm fixes. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The HMAC of a text in UTF-8. */
export const hmac = (algorithm: 'sha1' | 'sha256', key: string, text: string, encoding: 'base64' | 'hex') =>
  createHmac(algorithm, key).update(text, 'utf8').digest(encoding);

/** Keys sorted, each followed by its value; repeated values once each, sorted, the key before every one. */
function concatenated(params: SignedParams): string {
  let text = '';
  for (const key of Object.keys(params).sort()) {
    const value = params[key] ?? '';
    if (typeof value === 'string') text += key + value;
    else for (const one of [...new Set(value)].sort()) text += key + one;
  }
  return text;
}

/** The signature for exactly this URL: base64 HMAC-SHA1 over URL and sorted parameters. */
export function lamlSignature(secret: string, url: string, params: SignedParams): string {
  return hmac('sha1', secret, url + concatenated(params), 'base64');
}

/** Whether the `bodySHA256` of the URL's query is the hash of this body. A body that is no form has no other cover. */
function bodyHashMatches(url: string, rawBody: string): boolean {
  if (!URL.canParse(url)) return false;
  const stated = new URL(url).searchParams.get('bodySHA256');
  return stated !== null && sameText(stated, createHash('sha256').update(rawBody, 'utf8').digest('hex'));
}

/**
 * Whether any of `secrets` (several while one is being rotated) made this signature. A body that is no form, and any body whose
 * URL carries `bodySHA256`, must match that hash; its parameters are not part of the signed text then.
 */
export function isLamlSignature(secrets: readonly string[], signature: string, content: SignedContent): boolean {
  if (signature === '') return false;
  const { url, params, rawBody } = content;
  const form = url.includes('bodySHA256') ? undefined : params;
  if (form === undefined && rawBody !== '' && !bodyHashMatches(url, rawBody)) return false;
  const tail = concatenated(form ?? {});
  const texts = urlVariants(url).map((variant) => variant + tail);
  return secrets.some((secret) => texts.some((text) => sameText(signature, hmac('sha1', secret, text, 'base64'))));
}

/**
 * Whether this signature belongs to the WebSocket upgrade of `wssUrl`: the URL exactly as the TwiML had it (`wss://`, not
 * `https://`; a trailing slash matters), no parameters.
 * https://www.twilio.com/docs/global-infrastructure/firewall-configurations/media-streams-configuration
 */
export function isUpgradeSignature(secrets: readonly string[], signature: string, wssUrl: string): boolean {
  return isLamlSignature(secrets, signature, { url: wssUrl, params: {}, rawBody: '' });
}
