import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Meta's proof that a webhook is its own: HMAC-SHA256 over the body's bytes, by the app's secret, as `sha256=` and hex digits.
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads
 */

/** The header's value for a body. */
export function metaSignature(secret: string, rawBody: Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(rawBody).digest('hex')}`;
}

/** Whether the header proves the body, without telling by its time how much of it is right. */
export function isSignedByMeta(secret: string, rawBody: Buffer, header: unknown): boolean {
  if (typeof header !== 'string') return false;
  return isSame(header.trim().toLowerCase(), metaSignature(secret, rawBody));
}

/** Whether both texts are the same, in the same time whichever character differs first. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
