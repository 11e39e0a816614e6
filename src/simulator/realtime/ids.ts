import { randomBytes } from 'node:crypto';

/** Names as the service makes them: a prefix that tells the kind, then letters and digits nobody can guess. */
export type IdKind = 'event' | 'item' | 'resp' | 'sess' | 'conv' | 'call' | 'rtc' | 'ek' | 'chatcmpl';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A fresh id, e.g. `item_D3kf…` with 21 random characters (40 for a key). */
export function newId(kind: IdKind): string {
  const bytes = randomBytes(kind === 'ek' ? 40 : 21);
  let text = `${kind}_`;
  for (const byte of bytes) text += ALPHABET[byte % ALPHABET.length];
  return text;
}
