import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { BridgeError } from '../../../errors.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';

/**
 * The one-time token by which a media stream proves that it belongs to a call whose webhook the bridge answered. It travels in a
 * `<Parameter>` (a query string would be refused or stripped by the carrier) and comes back in the stream's `start`. It is signed, so any
 * instance with the same secret can check it, and it names the carrier's call, so it opens no other.
 *
 * Bytes before base64url: version (1), expiry in ms since the epoch (6, big-endian), jti (16), then carrier, carrier's call id and our
 * call id (one length byte each, UTF-8), then HMAC-SHA256 (32) over a fixed label and all bytes before.
 */

export interface StreamClaims {
  /** Label of the carrier: tells the dialect before the stream's first message. */
  readonly carrier: string;
  readonly carrierCallId: string;
  /** Our id of the call. */
  readonly callId: string;
  /** 128 random bits, hex: what makes two tokens of one call differ, and what is remembered once used. */
  readonly jti: string;
  /** Wall clock, ms since the epoch. */
  readonly expiresAtMs: number;
}

export interface StreamTokenOptions {
  /** The first signs, all are accepted; 16 bytes each at least. */
  readonly secrets: readonly string[];
  /** Where it is remembered which were used, by all who accept the same ones. */
  readonly memory: ProcessMemory;
  /** Wall clock, ms since the epoch. */
  readonly wall: () => number;
  /** Life of a token, ms; 60 s when left out. */
  readonly ttlMs?: number;
  /** How long after its expiry a token still passes, for clocks of several instances that differ, ms; 5 s when left out. */
  readonly leewayMs?: number;
  /**
   * Whether a token of this call was made within a token's life, by a clock that all instances have: asked of one that is too old by the clock of this machine,
   * which may be minutes off. Left out: nobody else makes tokens. Must not reject.
   */
  readonly isFresh?: ((callId: string) => Promise<boolean>) | undefined;
  /** `n` unpredictable bytes; node:crypto's when left out. */
  readonly random?: (n: number) => Uint8Array;
}

const VERSION = 1;
const HEAD_BYTES = 1 + 6 + 16;
const MAC_BYTES = 32;
/** Longest of the three texts in a token, bytes. A `<Parameter>` holds 499 characters, which all three fill together at 100. */
const TEXT_MOST = 100;
const TOKEN_MOST = 499;
/** Keeps a MAC made for another purpose with the same secret from passing here. */
const LABEL = 'voicebridge stream token\n';

export const DEFAULT_TTL_MS = 60_000;
/**
 * How long it is known that a token was made, for whatever instance its stream comes to, ms: it passes for some seconds after its end, and the stream it opens is
 * still to be read then.
 */
export const ISSUED_MS = DEFAULT_TTL_MS + 15_000;
const DEFAULT_LEEWAY_MS = 5_000;
/** By how much the clocks of two instances may differ, ms. */
export const CLOCKS_DIFFER_MS = 600_000;
/**
 * How long a use is remembered beyond the token's life, ms. The memory's clock is not the one that tokens expire by: where that is set back by
 * less, none comes to life again.
 */
const KEPT_LONGER_MS = 600_000;
/** Only tokens with a valid signature get there, so this many would mean as many answered webhooks within that time. */
const USED_MOST = 100_000;

function refuse(code: 'MISSING' | 'INVALID' | 'EXPIRED' | 'USED', message: string): BridgeError {
  return new BridgeError(`STREAM_TOKEN_${code}`, message, { status: 401 });
}

const tooLate = () => refuse('EXPIRED', 'the stream token came too late');

export class StreamTokens {
  readonly #options: StreamTokenOptions;
  readonly #ttlMs: number;
  readonly #leewayMs: number;
  readonly #random: (n: number) => Uint8Array;
  /** By jti. When it is full of tokens still alive it refuses more: a replay never passes for want of room. */
  readonly #used: MemorySpace<true>;

  /** Throws CONFIG_INVALID without a secret or with one that is too short. */
  constructor(options: StreamTokenOptions) {
    if (options.secrets.length === 0 || options.secrets.some((secret) => Buffer.byteLength(secret) < 16))
      throw new BridgeError('CONFIG_INVALID', 'stream tokens need a secret of 16 bytes at least');
    this.#options = options;
    this.#ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
    this.#leewayMs = options.leewayMs ?? DEFAULT_LEEWAY_MS;
    this.#random = options.random ?? randomBytes;
    this.#used = options.memory.space({ name: 'stream-tokens', most: USED_MOST, full: 'new' });
  }

  /** A new token, valid once. Throws WEBHOOK_INVALID when an id is empty or longer than 100 bytes. */
  issue(claims: Pick<StreamClaims, 'carrier' | 'carrierCallId' | 'callId'>): string {
    const head = Buffer.alloc(HEAD_BYTES);
    head[0] = VERSION;
    head.writeUIntBE(Math.round(this.#options.wall() + this.#ttlMs), 1, 6);
    head.set(this.#random(16), 7);
    const parts: Buffer[] = [head];
    for (const text of [claims.carrier, claims.carrierCallId, claims.callId]) {
      const bytes = Buffer.from(text);
      if (bytes.length === 0 || bytes.length > TEXT_MOST)
        throw new BridgeError('WEBHOOK_INVALID', `an id must have 1 to ${TEXT_MOST} bytes`, { status: 400 });
      parts.push(Buffer.of(bytes.length), bytes);
    }
    const body = Buffer.concat(parts);
    return Buffer.concat([body, this.#mac(this.#options.secrets[0] ?? '', body)]).toString('base64url');
  }

  /**
   * What the token claims, without using it up. With `carrierCallId` it must name that call. Throws STREAM_TOKEN_MISSING, _INVALID
   * (forged, mangled, another call's) or _EXPIRED, by the clock of this machine.
   */
  verify(token: string | undefined, bound: { carrierCallId?: string | undefined } = {}): StreamClaims {
    const claims = this.#claimed(token, bound);
    if (this.#lateMs(claims) > 0) throw tooLate();
    return claims;
  }

  #claimed(token: string | undefined, bound: { carrierCallId?: string | undefined }): StreamClaims {
    if (token === undefined || token === '') throw refuse('MISSING', 'the stream brought no token');
    const claims = this.#read(token);
    if (claims === undefined) throw refuse('INVALID', 'the stream token was not made by this bridge');
    if (bound.carrierCallId !== undefined && bound.carrierCallId !== claims.carrierCallId)
      throw refuse('INVALID', "the stream token belongs to another of the carrier's calls");
    return claims;
  }

  #lateMs({ expiresAtMs }: StreamClaims): number {
    return this.#options.wall() - expiresAtMs - this.#leewayMs;
  }

  /** Throws where the token is too old, by the clock that all instances have, too. */
  async #mustBeInTime(claims: StreamClaims): Promise<void> {
    if (this.#lateMs(claims) > CLOCKS_DIFFER_MS || (await this.#options.isFresh?.(claims.callId)) !== true)
      throw tooLate();
  }

  /**
   * As `verify`, of a token that was not used before either: else STREAM_TOKEN_USED. It is not used up. Rejects where the memory fails: then
   * the token proves nothing.
   */
  async verifyUnused(token: string | undefined): Promise<StreamClaims> {
    const claims = this.#claimed(token, {});
    if (this.#lateMs(claims) > 0) await this.#mustBeInTime(claims);
    if ((await this.#used.get(claims.jti)) !== undefined) throw refuse('USED', 'the stream token was used before');
    return claims;
  }

  /**
   * As `verify`, and uses the token up: of all who show it at once one passes, the next time it rejects with STREAM_TOKEN_USED. A token that
   * fails otherwise is not used up. One whose use cannot be recorded is refused: it might be used twice.
   */
  async redeem(token: string | undefined, bound: { carrierCallId: string }): Promise<StreamClaims> {
    const claims = this.#claimed(token, bound);
    if (this.#lateMs(claims) > 0) await this.#mustBeInTime(claims);
    const livesMs = Math.max(0, -this.#lateMs(claims));
    if (!(await this.#used.putIfAbsent(claims.jti, true, livesMs + KEPT_LONGER_MS)).put)
      throw refuse('USED', 'the stream token was used before');
    return claims;
  }

  #mac(secret: string, body: Uint8Array): Buffer {
    return createHmac('sha256', secret).update(LABEL).update(body).digest();
  }

  #read(token: string): StreamClaims | undefined {
    // Node's decoder skips what is not base64url; the alphabet is checked so that one token has one spelling.
    if (token.length > TOKEN_MOST || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length < HEAD_BYTES + 3 + MAC_BYTES || bytes.toString('base64url') !== token) return undefined;
    const body = bytes.subarray(0, bytes.length - MAC_BYTES);
    const mac = bytes.subarray(bytes.length - MAC_BYTES);
    if (!this.#options.secrets.some((secret) => timingSafeEqual(mac, this.#mac(secret, body)))) return undefined;
    if (body[0] !== VERSION) return undefined;
    const texts: string[] = [];
    for (let at = HEAD_BYTES; at < body.length; ) {
      const length = body[at] ?? 0;
      texts.push(body.toString('utf8', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const [carrier = '', carrierCallId = '', callId = ''] = texts;
    const jti = body.toString('hex', 7, HEAD_BYTES);
    return { carrier, carrierCallId, callId, jti, expiresAtMs: body.readUIntBE(1, 6) };
  }
}
