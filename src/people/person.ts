import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Role } from '../http/operators.ts';

/** People who operate the daemon, each with a token. Of a token the digest alone is kept. */

export interface Person {
  /** Lower-case hexadecimal; never given twice. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Wall time, ms since 1970. */
  readonly createdAt: number;
  /** Name of whoever made the token. */
  readonly createdBy: string;
  /** Wall time, ms; null while the token is good. */
  readonly revokedAt: number | null;
}

/** A person as it is kept: with the SHA-256 of the token, in hexadecimal. */
export interface StoredPerson extends Person {
  readonly digest: string;
}

/** What names have in common that people take for the same. */
export const nameKey = (name: string): string => name.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();

const TOKEN = /^vbp_([0-9a-f]{12})_[\w-]{43}$/;

// The token is as random as a key: nothing is gained by a digest that is slow to make.
const digestOf = (token: string) => createHash('sha256').update(token).digest();

/** A new token, of 256 random bits, and what is kept of it. */
export function makeToken(): { readonly id: string; readonly token: string; readonly digest: string } {
  const id = randomBytes(6).toString('hex');
  const token = `vbp_${id}_${randomBytes(32).toString('base64url')}`;
  return { id, token, digest: digestOf(token).toString('hex') };
}

/** Whose token it says that it is; undefined of what is none of ours, which needs no look. */
export const idOfToken = (token: string): string | undefined => TOKEN.exec(token)?.[1];

/** Whether this is the person's token. Takes as long for any that is not. */
export function isTokenOf(token: string, { digest }: Pick<StoredPerson, 'digest'>): boolean {
  const known = Buffer.from(digest, 'hex');
  const given = digestOf(token);
  return known.length === given.length && timingSafeEqual(known, given);
}
