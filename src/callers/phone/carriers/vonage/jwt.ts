import { createHash, createHmac, type KeyObject, randomUUID, sign, timingSafeEqual } from 'node:crypto';
import { jsonObject } from '../../../../transport/http.ts';

/**
 * JSON web tokens (RFC 7519, in the compact form of RFC 7515), as Vonage makes and takes them: HS256 by the account's signature secret on what it
 * sends us, RS256 by an application's private key on what we ask of its API. https://developer.vonage.com/en/getting-started/concepts/webhooks
 */

/** How far the time of a token may be from ours, before or after, s: a captured one opens nothing for longer. */
const FRESH_S = 300;
/** Longest token that is looked at, characters: theirs have some hundreds. */
const TOKEN_MOST = 4_096;
/** Life of a token of ours, s. It is minted for each request, so it has to outlive one alone; Vonage's own library gives 900. */
const LIFE_S = 120;

/** What a token claims; of its text nothing is believed that is not of its type. */
export interface Claims {
  readonly apiKey: string | undefined;
  readonly applicationId: string | undefined;
  /** SHA-256 of what the request says, hex: of its body, and of a GET of its query. */
  readonly payloadHash: string | undefined;
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const hs256 = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest();

/** SHA-256 of a body as it came, as `payload_hash` has it. */
export const payloadHash = (body: string): string => createHash('sha256').update(body).digest('hex');

/**
 * What is hashed of a GET: its query as a JSON object without whitespace, in the order of the address.
 * https://api.support.vonage.com/hc/en-us/articles/19033783342876
 */
export const queryText = (query: string): string => JSON.stringify(Object.fromEntries(new URLSearchParams(query)));

/** The token in an `Authorization` header: undefined without one of this form. */
export function bearerJwt(authorization: string | undefined): string | undefined {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  // Three parts with dots between: tokens of ours have none.
  return token !== undefined && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ? token : undefined;
}

/**
 * What a token claims that one of these secrets signed, by the one algorithm that is Vonage's, and whose time is now; undefined for any other.
 * `wallMs`: ms since the epoch.
 */
export function verified(token: string, secrets: readonly string[], wallMs: number): Claims | undefined {
  if (token.length > TOKEN_MOST) return undefined;
  const [head = '', body = '', signature = ''] = token.split('.');
  // The algorithm is ours to choose, not the token's: "none", or the public half of some key, would let anybody sign.
  if (part(head)?.['alg'] !== 'HS256') return undefined;
  const given = Buffer.from(signature, 'base64url');
  const isOurs = secrets.some((secret) => {
    const right = hs256(secret, `${head}.${body}`);
    return right.length === given.length && timingSafeEqual(right, given);
  });
  const claims = isOurs ? part(body) : undefined;
  if (claims === undefined) return undefined;
  const now = wallMs / 1_000;
  const { iat, exp, nbf } = claims;
  if (typeof iat !== 'number' || !(Math.abs(now - iat) <= FRESH_S)) return undefined;
  if (exp !== undefined && !(typeof exp === 'number' && now <= exp + FRESH_S)) return undefined;
  if (nbf !== undefined && !(typeof nbf === 'number' && now >= nbf - FRESH_S)) return undefined;
  return {
    apiKey: text(claims['api_key']),
    applicationId: text(claims['application_id']),
    payloadHash: text(claims['payload_hash']),
  };
}

/** What a token says of itself, whoever made it: to be believed of one that `verified` takes, or where no secret can tell. */
export function unprovenClaims(token: string): Pick<Claims, 'applicationId'> {
  return { applicationId: text(part(token.split('.')[1] ?? '')?.['application_id']) };
}

/** As Vonage signs: what a stand-in for it, and the doctor, send with a webhook of this body, or `queryText` of a GET; without one with an upgrade. */
export function signedJwt(
  secret: string,
  wallMs: number,
  claims: {
    readonly apiKey?: string | undefined;
    readonly applicationId?: string | undefined;
    readonly body?: string;
  } = {},
): string {
  const { apiKey: api_key, applicationId: application_id, body } = claims;
  const payload_hash = body === undefined ? undefined : payloadHash(body);
  const iat = Math.floor(wallMs / 1_000);
  const content = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ iat, jti: randomUUID(), iss: 'Vonage', payload_hash, api_key, application_id })}`;
  return `${content}.${hs256(secret, content).toString('base64url')}`;
}

/** By which an application asks the API. https://developer.vonage.com/en/getting-started/concepts/authentication */
export function applicationJwt(applicationId: string, key: KeyObject, wallMs: number): string {
  const iat = Math.floor(wallMs / 1_000);
  const claims = { application_id: applicationId, iat, exp: iat + LIFE_S, jti: randomUUID() };
  const content = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${content}.${sign('RSA-SHA256', Buffer.from(content), key).toString('base64url')}`;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;

const part = (encodedPart: string) => jsonObject(Buffer.from(encodedPart, 'base64url').toString('utf8'));
