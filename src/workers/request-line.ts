/**
 * What the first line of a request asks for (RFC 9112, section 3), read from the first bytes of a connection. Only where it is to go is judged by it: what is
 * malformed goes to any process, whose parser answers it.
 */
export type RequestLine =
  /** Not all of it is there yet. */
  | undefined
  /** `path`: without its query; undefined where the bytes are no request. */
  | { readonly path: string | undefined };

/** Longer lines are refused by whoever gets them (`maxHeaderSize`). */
const LINE_MOST_BYTES = 16 * 1024;
/** Bytes of empty lines that are passed over: more are no client's, and would be looked at anew with each byte that comes. */
const EMPTY_MOST_BYTES = 64;
const [CR, LF] = [13, 10];
/** The target's authority stands before the path where a proxy is asked (section 3.2.2). */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

export function readRequestLine(bytes: Buffer): RequestLine {
  // An empty line before the request is to be passed over (section 2.2).
  let start = 0;
  while (bytes[start] === CR || bytes[start] === LF) start++;
  if (start > EMPTY_MOST_BYTES) return { path: undefined };
  const first = bytes[start];
  // A method begins with a letter; TLS, for one, does not, and would never send a line.
  if (first !== undefined && !isLetter(first)) return { path: undefined };
  const end = bytes.indexOf(LF, start);
  if (end === -1) return bytes.length >= LINE_MOST_BYTES ? { path: undefined } : undefined;
  const [, target] = bytes.toString('latin1', start, end).split(' ');
  const path = target?.replace(ABSOLUTE, '').split('?', 1)[0];
  return { path: path?.startsWith('/') ? path : undefined };
}

const isLetter = (byte: number): boolean => (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
