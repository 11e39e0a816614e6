import { createHash } from 'node:crypto';
import type { Clock } from '../call/clock.ts';
import { ApiError } from './api-error.ts';

/**
 * Requests that may be sent again without being done again. Whoever got no answer repeats the request under the same key and gets the
 * first one's answer, also while that is still being worked on.
 */

export const IDEMPOTENCY_ERRORS = {
  IDEMPOTENCY_KEY_INVALID: 'The Idempotency-Key is empty, too long, or has characters that cannot be printed.',
  IDEMPOTENCY_KEY_REUSED: 'The Idempotency-Key was used before, with another body.',
} as const;
type OfIdempotency = typeof IDEMPOTENCY_ERRORS;
declare module './api-error.ts' {
  interface ApiErrorCodes extends OfIdempotency {}
}

export interface IdempotencyOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** How long an answer is kept, ms. */
  readonly keepMs?: number;
  /** Most answers kept; the oldest go first. */
  readonly capacity?: number;
}

interface Entry<T> {
  readonly fingerprint: string;
  readonly answer: Promise<T>;
  readonly forgetAt: number;
}

const KEEP_MS = 24 * 3_600_000;
const CAPACITY = 10_000;

export class Idempotency<T> {
  readonly #o: IdempotencyOptions;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(options: IdempotencyOptions) {
    this.#o = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The answer under this key: `work`'s, or the one there is. An error for which `keep` is false leaves nothing behind: nothing was done,
   * so the same may be tried again. Rejects with IDEMPOTENCY_KEY_REUSED (409) when the key stands for another body.
   */
  async run(
    key: string,
    body: unknown,
    work: () => Promise<T>,
    keep: (error: unknown) => boolean,
  ): Promise<{ answer: T; replayed: boolean }> {
    const { clock, keepMs = KEEP_MS, capacity = CAPACITY } = this.#o;
    const now = clock.now();
    for (const [old, entry] of this.#entries) {
      if (entry.forgetAt > now) break;
      this.#entries.delete(old);
    }
    const fingerprint = fingerprintOf(body);
    const before = this.#entries.get(key);
    if (before !== undefined) {
      if (before.fingerprint !== fingerprint)
        throw new ApiError(409, 'IDEMPOTENCY_KEY_REUSED', 'this Idempotency-Key was used with another body');
      return { answer: await before.answer, replayed: true };
    }
    const entry: Entry<T> = { fingerprint, answer: work(), forgetAt: now + keepMs };
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= capacity) break;
      this.#entries.delete(oldest);
    }
    try {
      return { answer: await entry.answer, replayed: false };
    } catch (error) {
      if (!keep(error) && this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }
}

/** The header's value, or undefined without one. Throws IDEMPOTENCY_KEY_INVALID (400). */
export function idempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new ApiError(400, 'IDEMPOTENCY_KEY_INVALID', 'an Idempotency-Key has 1 to 255 printable characters');
}

/** The same for bodies that mean the same: the order of keys is no part of it. Only the digest is kept. */
function fingerprintOf(body: unknown): string {
  return createHash('sha256').update(canonical(body)).digest('base64');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}
