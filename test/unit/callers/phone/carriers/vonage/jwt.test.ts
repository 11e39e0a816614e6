import { createPrivateKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { tokenGenerate, verifySignature } from '@vonage/jwt';
import { describe, expect, it } from 'vitest';
import {
  applicationJwt,
  bearerJwt,
  payloadHash,
  signedJwt,
  verified,
} from '../../../../../../src/callers/phone/carriers/vonage/jwt.ts';
import { APPLICATION_ID, PRIVATE_PEM, PUBLIC_PEM, SIGNATURE_SECRET } from '../../../../../fixtures/vonage/key.ts';

/** What the carrier's own library makes and takes tokens with. */
const { sign } = createRequire(createRequire(import.meta.url).resolve('@vonage/jwt'))('jsonwebtoken') as {
  sign(claims: object, secret: string, options: object): string;
};

const NOW = Date.UTC(2026, 10, 29, 12);
const IAT = NOW / 1_000;
const secrets = ['another-secret-0123456789', SIGNATURE_SECRET];
const claims = { iat: IAT, jti: 'j-1', iss: 'Vonage', payload_hash: payloadHash('{}'), api_key: 'abcd1234' };
const decoded = (token: string, at: 0 | 1) =>
  JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString()) as Record<string, unknown>;

describe('a token of Vonage’s', () => {
  it('[vonage] webhook signature: is taken as its own library signs it, by any secret that is set', () => {
    const token = sign({ ...claims, application_id: APPLICATION_ID }, SIGNATURE_SECRET, { algorithm: 'HS256' });
    expect(verified(token, secrets, NOW)).toEqual({
      apiKey: 'abcd1234',
      applicationId: APPLICATION_ID,
      payloadHash: claims.payload_hash,
    });
    expect(verified(token, ['another-secret-0123456789'], NOW)).toBeUndefined();
    expect(verified(token, [], NOW)).toBeUndefined();
  });

  it('that a stand-in signs is taken by its own library', () => {
    const token = signedJwt(SIGNATURE_SECRET, Date.now(), { applicationId: APPLICATION_ID, body: '{"a":1}' });
    expect(verifySignature(token, SIGNATURE_SECRET)).toBe(true);
    expect(verifySignature(token, 'another-secret')).toBe(false);
    expect(decoded(token, 1)).toMatchObject({ iss: 'Vonage', payload_hash: payloadHash('{"a":1}') });
  });

  it.each([
    ['has grown old', { iat: IAT - 301 }],
    ['is of the future', { iat: IAT + 301 }],
    ['says no time', { iat: undefined }],
    ['has run out', { exp: IAT - 301 }],
    ['is not valid yet', { nbf: IAT + 301 }],
  ])('is refused that %s', (_what, over) => {
    const { iat, ...rest } = { ...claims, ...over };
    const token = sign(iat === undefined ? rest : { ...rest, iat }, SIGNATURE_SECRET, {
      algorithm: 'HS256',
      noTimestamp: true,
    });
    expect(verified(token, secrets, NOW)).toBeUndefined();
  });

  it('[vonage] webhook signature: is refused in every other algorithm, and changed in any part', () => {
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
    expect(verified(none, secrets, NOW)).toBeUndefined();
    expect(verified(sign(claims, SIGNATURE_SECRET, { algorithm: 'HS512' }), secrets, NOW)).toBeUndefined();
    expect(verified(sign(claims, PRIVATE_PEM, { algorithm: 'RS256' }), [PUBLIC_PEM], NOW)).toBeUndefined();
    // The public half of a key as the secret of an HMAC: the classic confusion.
    const token = sign(claims, SIGNATURE_SECRET, { algorithm: 'HS256' });
    for (let at = 0; at < token.length; at += 7) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      // The last character of a part may hold bits that say nothing.
      if (/[.]/.test(token[at] ?? '') || [...token.matchAll(/[^.](?=\.|$)/g)].some(({ index }) => index === at))
        continue;
      expect(verified(changed, secrets, NOW), changed).toBeUndefined();
    }
    for (const text of ['', '..', 'a.b.c', 'x'.repeat(10_000)]) expect(verified(text, secrets, NOW)).toBeUndefined();
  });

  it('whose claims are no texts claims nothing', () => {
    const token = sign({ ...claims, payload_hash: { a: 1 }, application_id: 5 }, SIGNATURE_SECRET, {
      algorithm: 'HS256',
    });
    expect(verified(token, secrets, NOW)).toEqual({
      apiKey: 'abcd1234',
      applicationId: undefined,
      payloadHash: undefined,
    });
  });

  it('is told from a one-time token of ours, which has no dots', () => {
    expect(bearerJwt('Bearer aaa.bbb.ccc')).toBe('aaa.bbb.ccc');
    for (const header of [undefined, '', 'Bearer AQGf3', 'Basic aaa.bbb.ccc', 'Bearer a.b', 'Bearer a.b.c d'])
      expect(bearerJwt(header)).toBeUndefined();
  });
});

describe('a token of ours', () => {
  const key = createPrivateKey(PRIVATE_PEM);

  it('is one that Vonage’s library takes, and claims what that library’s own claims', () => {
    const token = applicationJwt(APPLICATION_ID, key, Date.now());
    expect(verifySignature(token, PUBLIC_PEM)).toBe(true);
    const theirs = tokenGenerate(APPLICATION_ID, PRIVATE_PEM);
    expect(decoded(token, 0)).toEqual(decoded(theirs, 0));
    expect(Object.keys(decoded(token, 1)).sort()).toEqual(Object.keys(decoded(theirs, 1)).sort());
    expect(decoded(token, 1)['application_id']).toBe(APPLICATION_ID);
  });

  it('is another at each request, and lives for minutes', () => {
    const [one, two] = [applicationJwt(APPLICATION_ID, key, NOW), applicationJwt(APPLICATION_ID, key, NOW)];
    expect(decoded(one, 1)['jti']).not.toBe(decoded(two, 1)['jti']);
    expect(Number(decoded(one, 1)['exp']) - IAT).toBe(120);
    expect(verifySignature(applicationJwt(APPLICATION_ID, key, Date.now() - 3_600_000), PUBLIC_PEM)).toBe(false);
  });
});

it('the hash of a body is SHA-256 in hex of the bytes as they came', () => {
  expect(payloadHash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});
