import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Telnyx signs the time in seconds, a bar and the body as it is, with Ed25519 (RFC 8032); here is only the public key.
 * https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks
 */

export const SIGNATURE = 'telnyx-signature-ed25519';
export const TIMESTAMP = 'telnyx-timestamp';

/** How far the time may be off, s. */
const TOLERANCE_S = 300;
/** A public key as SubjectPublicKeyInfo without its 32 bytes: RFC 8410 section 4. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** So many signatures are remembered: more webhooks than come within their tolerance. */
const SEEN_MOST = 50_000;

/** An Ed25519 public key, from its 32 bytes in base64. Throws for anything else. */
const publicKey = (key: string): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI, Buffer.from(key, 'base64')]), format: 'der', type: 'spki' });

/** Proves webhooks by the account's public key, each once: a second request with the same signature is a replay, since a repetition has a time of its own. */
export class TelnyxSignatures {
  readonly #keys: readonly KeyObject[];
  readonly #wall: () => number;
  /** By signature, with the time at which it is too old anyway, s; the oldest first. */
  readonly #seen = new Map<string, number>();

  /** `keys`: several while one is being rotated. `wall`: wall time, ms. */
  constructor(keys: readonly string[], wall: () => number) {
    this.#keys = keys.map(publicKey);
    this.#wall = wall;
  }

  /** Whether one of the keys' owner signed this, just now and not before. */
  proves(headers: IncomingHttpHeaders, body: string): boolean {
    const stamp = headers[TIMESTAMP];
    const signature = headers[SIGNATURE];
    if (typeof stamp !== 'string' || typeof signature !== 'string') return false;
    const nowS = this.#wall() / 1_000;
    if (!/^\d{1,12}$/.test(stamp) || Math.abs(nowS - Number(stamp)) > TOLERANCE_S) return false;
    const bytes = Buffer.from(signature, 'base64');
    const signed = Buffer.from(`${stamp}|${body}`);
    if (bytes.length !== 64 || !this.#keys.some((key) => verify(null, signed, key, bytes))) return false;
    return this.#isNew(bytes.toString('base64'), Number(stamp) + TOLERANCE_S, nowS);
  }

  #isNew(signature: string, until: number, nowS: number): boolean {
    for (const [old, ends] of this.#seen) {
      if (ends >= nowS && this.#seen.size < SEEN_MOST) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(signature)) return false;
    this.#seen.set(signature, until);
    return true;
  }
}
