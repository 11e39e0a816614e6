/**
 * Which one-time tokens were used. A port, so that several instances can share the memory; with the one below each instance keeps its
 * own, and a token could be used once on each.
 */
export interface UsedTokens {
  /** Marks `jti` as used; false when it was before. `expiresAtMs` (wall clock): after it the token is refused anyway and may be forgotten. */
  consume(jti: string, expiresAtMs: number): boolean;
  /** Whether `jti` was used; it may have been forgotten once it is expired. */
  has(jti: string): boolean;
}

/** Only tokens with a valid signature get here, so this many would mean as many answered webhooks within a token's life. */
const DEFAULT_CAPACITY = 100_000;

/** In this process's memory, bounded. When it is full of tokens still alive, it refuses: a replay never passes for want of room. */
export class MemoryUsedTokens implements UsedTokens {
  readonly #wall: () => number;
  readonly #capacity: number;
  /** Expiry by jti, in the order of use, which is close to the order of expiry since all tokens live equally long. */
  readonly #expiry = new Map<string, number>();

  constructor(wall: () => number, capacity = DEFAULT_CAPACITY) {
    this.#wall = wall;
    this.#capacity = capacity;
  }

  /** Tokens remembered at the moment. */
  get size(): number {
    return this.#expiry.size;
  }

  consume(jti: string, expiresAtMs: number): boolean {
    this.#forget();
    if (this.#expiry.has(jti) || this.#expiry.size >= this.#capacity) return false;
    this.#expiry.set(jti, expiresAtMs);
    return true;
  }

  has(jti: string): boolean {
    return this.#expiry.has(jti);
  }

  #forget(): void {
    const now = this.#wall();
    for (const [jti, expiresAtMs] of this.#expiry) {
      // One that lives longer than those behind it holds them back for no longer than its own life.
      if (expiresAtMs >= now) return;
      this.#expiry.delete(jti);
    }
  }
}
