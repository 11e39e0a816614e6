import { createHash, randomUUID } from 'node:crypto';
import { type Clock, delay } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { type MemorySpace, memoryUnavailable, type ProcessMemory } from '../memory/memory.ts';
import { ApiError, answerOf, type ErrorAnswer, RepeatedError } from './api-error.ts';

/**
 * Requests that may be sent again without being done again. Whoever got no answer repeats the request under the same key and gets the
 * first one's answer, also while that is still being worked on, by this process or by another that shares the memory.
 *
 * Where the memory fails before the work, the work is not done, since nobody could tell whether it was done before (503). Where it fails after
 * the work, the answer is given all the same, but the key stays taken: who repeats it is told to come back later, and it is not done again.
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
  readonly memory: ProcessMemory;
  readonly clock: Pick<Clock, 'after'>;
  /** How long an answer is kept, ms. */
  readonly keepMs?: number;
  /** Most answers kept; the oldest go first. */
  readonly capacity?: number;
  /** What is told of errors of the user's own kind. */
  readonly told?: ((error: unknown) => ErrorAnswer | undefined) | undefined;
}

/** What is kept of a request: until there is an outcome, somebody works on it. */
interface Entry<T> {
  /** The same for bodies that mean the same. */
  readonly body: string;
  /** Tells whoever works on it from others who want to. */
  readonly by: string;
  readonly outcome?: { readonly answer: T } | { readonly error: ErrorAnswer; readonly message: string };
}

const KEEP_MS = 24 * 3_600_000;
const CAPACITY = 10_000;
/** How long somebody else's outcome is waited for, and how often it is looked for, ms. */
const WAIT_MS = 10_000;
const LOOK_MS = 100;

/** `T`: the answers, which are kept as JSON. */
export class Idempotency<T> {
  readonly #o: IdempotencyOptions;
  readonly #space: MemorySpace<Entry<T>>;
  /** What this process works on, by key and body: whoever repeats it meanwhile gets the same promise. */
  readonly #working = new Map<string, Promise<{ readonly answer: T }>>();

  constructor(options: IdempotencyOptions) {
    this.#o = options;
    this.#space = options.memory.space({ name: 'idempotency', most: options.capacity ?? CAPACITY });
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
    const fingerprint = fingerprintOf(body);
    const name = `${fingerprint} ${key}`;
    const working = this.#working.get(name);
    if (working !== undefined) return { answer: (await working).answer, replayed: true };
    const first = this.#first(key, fingerprint, work, keep);
    this.#working.set(name, first);
    try {
      return await first;
    } finally {
      this.#working.delete(name);
    }
  }

  async #first(
    key: string,
    body: string,
    work: () => Promise<T>,
    keep: (error: unknown) => boolean,
  ): Promise<{ answer: T; replayed: boolean }> {
    const { keepMs = KEEP_MS, told } = this.#o;
    const mine: Entry<T> = { body, by: randomUUID() };
    const giveUp = () => this.#space.delete(key, mine).catch(() => {});
    const taken = await this.#space.putIfAbsent(key, mine, keepMs).catch((error) => {
      // It may have been put all the same, with the answer lost.
      void giveUp();
      throw error;
    });
    if (!taken.put) return { answer: await this.#outcomeOf(key, body, taken.there), replayed: true };
    const settle = (outcome: NonNullable<Entry<T>['outcome']>) =>
      this.#space.put(key, { ...mine, outcome }, keepMs).catch(() => {});
    try {
      const answer = await work();
      await settle({ answer });
      return { answer, replayed: false };
    } catch (error) {
      if (keep(error)) await settle({ error: told?.(error) ?? answerOf(error), message: errorMessage(error) });
      else await giveUp();
      throw error;
    }
  }

  /** What came of the request that has the key: another process may still work on it. */
  async #outcomeOf(key: string, body: string, there: Entry<T> | undefined): Promise<T> {
    let entry = there;
    for (let waited = 0; entry !== undefined; waited += LOOK_MS) {
      if (entry.body !== body)
        throw new ApiError(409, 'IDEMPOTENCY_KEY_REUSED', 'this Idempotency-Key was used with another body');
      const { outcome } = entry;
      if (outcome !== undefined && 'answer' in outcome) return outcome.answer;
      if (outcome !== undefined) throw new RepeatedError(outcome.message, outcome.error);
      if (waited >= WAIT_MS) break;
      await delay(this.#o.clock, LOOK_MS);
      entry = await this.#space.get(key);
    }
    throw memoryUnavailable('it is not known what came of the first request with this Idempotency-Key');
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
