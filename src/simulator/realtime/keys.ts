import type { Clock } from '../../call/clock.ts';
import { newId } from './ids.ts';
import { invalidKey, ServiceError } from './service-error.ts';
import type { SessionConfig } from './session-config.ts';

/** An ephemeral key with the session it opens. It may open several until it expires; running sessions outlive it. */
export interface EphemeralKey {
  readonly value: string;
  /** Wall time, ms since the Unix epoch. */
  readonly expiresAt: number;
  readonly config: SessionConfig;
  /** Minted by the older `/v1/realtime/sessions`: its sessions speak the beta dialect. */
  readonly beta: boolean;
}

/** Who asks: the owner of a standard key, or the bearer of an ephemeral one. */
export type Credential = { readonly kind: 'standard' } | { readonly kind: 'ephemeral'; readonly key: EphemeralKey };

/** Range and default of `expires_after.seconds`. Source: OpenAI API reference, client secrets. */
export const KEY_TTL = { min: 10, max: 7200, default: 600, beta: 60 } as const;

/** How long an expired key is remembered, so that its bearer is told that it expired and not that it never was. */
const EXPIRED_KEPT_MS = 600_000;
const MAX_KEYS = 10_000;

/** The keys of one server. */
export class KeyStore {
  readonly #clock: Clock;
  readonly #standard: ReadonlySet<string> | undefined;
  readonly #ephemeral = new Map<string, EphemeralKey>();
  #minted = 0;

  constructor(clock: Clock, standardKeys: readonly string[] | undefined) {
    this.#clock = clock;
    this.#standard = standardKeys === undefined ? undefined : new Set(standardKeys);
  }

  get minted(): number {
    return this.#minted;
  }

  mint(config: SessionConfig, ttlSeconds: number, beta: boolean): EphemeralKey {
    this.#sweep();
    const key = { value: newId('ek'), expiresAt: this.#clock.wall() + ttlSeconds * 1000, config, beta };
    this.#ephemeral.set(key.value, key);
    this.#minted++;
    return key;
  }

  /** Throws a ServiceError with status 401 unless the key opens something. */
  check(key: string | undefined): Credential {
    if (key === undefined || key === '') {
      throw invalidKey("You didn't provide an API key. Provide it in an Authorization header using Bearer auth.");
    }
    if (key.startsWith('ek_')) {
      const found = this.#ephemeral.get(key);
      if (found === undefined) throw invalidKey();
      if (found.expiresAt <= this.#clock.wall()) {
        throw new ServiceError('The ephemeral key has expired.', { status: 401, code: 'token_expired' });
      }
      return { kind: 'ephemeral', key: found };
    }
    const accepted = this.#standard === undefined ? key.startsWith('sk-') && key.length > 3 : this.#standard.has(key);
    if (!accepted) throw invalidKey();
    return { kind: 'standard' };
  }

  #sweep(): void {
    const limit = this.#clock.wall() - EXPIRED_KEPT_MS;
    for (const [value, key] of this.#ephemeral) {
      if (key.expiresAt > limit && this.#ephemeral.size < MAX_KEYS) continue;
      this.#ephemeral.delete(value);
    }
  }
}
