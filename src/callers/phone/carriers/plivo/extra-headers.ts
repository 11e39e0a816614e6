import { BridgeError } from '../../../../errors.ts';

/**
 * The `extraHeaders` of a `<Stream>`, which come back in the stream's `start`: pairs of letters and digits, 512 bytes in all. What they may not hold
 * goes as hexadecimal digits. One page of the carrier's parts them by commas, another by semicolons; both are read, and all that the bridge needs
 * of an ordinary call is one pair. https://docs.plivo.com/docs/voice/xml/audiostream
 */

const BYTES_MOST = 512;
/** Pairs that are read: the bridge writes two. */
const PAIRS_MOST = 16;

/** The one-time token. */
const TOKEN = 'token';
/** The id by which the bridge knows the call, where that is not the stream's own. */
const CALL = 'call';

export interface Brought {
  /** In base64url, as it was issued. */
  readonly token: string | undefined;
  readonly callId: string | undefined;
}

/** Throws INTERNAL where it is more than the carrier takes. */
export function extraHeaders(token: string, callId: string | undefined): string {
  const pairs = [`${TOKEN}=${Buffer.from(token, 'base64url').toString('hex')}`];
  if (callId !== undefined) pairs.push(`${CALL}=${Buffer.from(callId).toString('hex')}`);
  const text = pairs.join(',');
  if (text.length > BYTES_MOST)
    throw new BridgeError('INTERNAL', `extra headers of ${text.length} bytes: the carrier takes ${BYTES_MOST}`);
  return text;
}

/** Reads what a `start` has of them: "a=1,b=2", "a=1;b=2", "{X-PH-a: 1}". */
export function readExtraHeaders(text: string): Map<string, string> {
  const read = new Map<string, string>();
  for (const pair of text.replace(/^\s*\{|\}\s*$/g, '').split(/[,;]/, PAIRS_MOST)) {
    // The value's end is found without a pattern: one that may end anywhere is tried at each place of what a stranger sent, again and again.
    const [, name, rest] = /^\s*"?(?:X-PH-)?([A-Za-z0-9_-]{1,64})"?\s*[=:](.*)$/is.exec(pair) ?? [];
    const value = rest?.trim().replace(/^"/, '').replace(/"$/, '');
    if (name !== undefined && value?.includes('"') === false && !read.has(name)) read.set(name, value);
  }
  return read;
}

const fromHex = (text: string | undefined, as: 'base64url' | 'utf8'): string | undefined =>
  text === undefined || !/^(?:[0-9a-f]{2})+$/i.test(text) ? undefined : Buffer.from(text, 'hex').toString(as);

/** What of it is the bridge's own. A token that is none of hexadecimal digits is left as it is: it proves nothing either way. */
export function broughtBy(headers: ReadonlyMap<string, string>): Brought {
  const token = headers.get(TOKEN);
  return { token: fromHex(token, 'base64url') ?? token, callId: fromHex(headers.get(CALL), 'utf8') };
}
