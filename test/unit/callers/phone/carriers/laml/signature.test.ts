import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import twilio from 'twilio/lib/webhooks/webhooks.js';
import { describe, expect, it } from 'vitest';
import {
  isLamlSignature,
  isUpgradeSignature,
  lamlSignature,
  type SignedParams,
  withoutCredentials,
} from '../../../../../../src/callers/phone/carriers/laml/signature.ts';
import { isSignalWireSignature } from '../../../../../../src/callers/phone/carriers/signalwire/signature.ts';

const SECRET = '12345678901234567890123456789012';
const NONE = { twilio: '', signalwire: '', signalwireSha256: '' };
const form = (url: string, params: SignedParams) => ({ url, params, rawBody: 'form=1' });
const expected = (url: string, params: SignedParams, secret = SECRET) =>
  twilio.getExpectedTwilioSignature(secret, url, params);

describe("Twilio's signature", () => {
  it('has the value of the published example', () => {
    // https://www.twilio.com/docs/usage/security: the sample request, its auth token and its signature.
    expect(
      lamlSignature('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', {
        CallSid: 'CA1234567890ABCDE',
        Caller: '+14158675309',
        Digits: '1234',
        From: '+14158675309',
        To: '+18005551212',
      }),
    ).toBe('RSOYDt4T1cUTdK1PDd93/VVr8B8=');
  });

  const tables: Array<[string, string, string, SignedParams, boolean]> = [
    // says, URL we were given, URL the carrier signed, params, verdict
    ['same URL', 'https://a.example/in', 'https://a.example/in', { A: '1' }, true],
    ['query', 'https://a.example/in?x=1&y=%20', 'https://a.example/in?x=1&y=%20', { A: '1' }, true],
    ['signed with the port', 'https://a.example/in', 'https://a.example:443/in', { A: '1' }, true],
    ['signed without our port', 'https://a.example:8443/in', 'https://a.example/in', { A: '1' }, true],
    ['port 80 of http', 'http://a.example/in', 'http://a.example:80/in', {}, true],
    ['another port', 'https://a.example/in', 'https://a.example:8443/in', {}, false],
    ['http for https', 'https://a.example/in', 'http://a.example/in', {}, false],
    ['a trailing slash', 'https://a.example/in', 'https://a.example/in/', {}, false],
    ['credentials', 'https://u:p@a.example/in', 'https://u:p@a.example:443/in', {}, true],
    ['IPv6 with port', 'https://[2001:db8::1]:8443/in', 'https://[2001:db8::1]/in', {}, true],
    ['normalised quote', "https://a.example/in?n=O'Neil", 'https://a.example/in?n=O%27Neil', {}, true],
    ['repeated value', 'https://a.example/in', 'https://a.example/in', { M: ['b', 'a', 'b'], A: '' }, true],
    ['non-Latin text', 'https://a.example/in', 'https://a.example/in', { Näme: 'Ünïcøde 電話' }, true],
    ['no scheme', 'a.example/in', 'a.example/in', {}, true],
  ];
  it.each(tables)('%s', (_says, url, signedUrl, params, verdict) => {
    const signature = expected(signedUrl, params);
    expect(isLamlSignature([SECRET], signature, form(url, params))).toBe(verdict);
    if (URL.canParse(url)) expect(twilio.validateRequest(SECRET, signature, url, params as never)).toBe(verdict);
  });

  it('sorts and de-duplicates repeated values as the vendor does', () => {
    const signature = expected('https://a.example/', { M: ['a', 'b'] });
    expect(lamlSignature(SECRET, 'https://a.example/', { M: ['b', 'a', 'b'] })).toBe(signature);
  });

  it('accepts either secret while one is being rotated, and no third', () => {
    const content = form('https://a.example/in', { A: '1' });
    for (const secret of ['old-secret', 'new-secret'])
      expect(
        isLamlSignature(['new-secret', 'old-secret'], expected(content.url, content.params, secret), content),
      ).toBe(true);
    expect(isLamlSignature(['new-secret', 'old-secret'], expected(content.url, content.params, 'third'), content)).toBe(
      false,
    );
    expect(isLamlSignature([], expected(content.url, content.params, ''), content)).toBe(false);
  });

  it.each(['', 'x', 'ü'.repeat(28), 'A'.repeat(27), `${'A'.repeat(27)}=`, '='.repeat(10_000)])(
    'refuses the signature %j without throwing',
    (signature) => expect(isLamlSignature([SECRET], signature, form('https://a.example/', {}))).toBe(false),
  );

  describe('of a JSON body', () => {
    const rawBody = '{"CallSid":"CA1","Näme":"x"}';
    const hash = createHash('sha256').update(rawBody).digest('hex');
    const url = `https://a.example/in?bodySHA256=${hash}`;
    const signature = expected(url, {});
    const json = { url, params: undefined, rawBody };

    it('is valid with its hash, for us and for the vendor', () => {
      expect(twilio.validateRequestWithBody(SECRET, signature, url, rawBody)).toBe(true);
      expect(isLamlSignature([SECRET], signature, json)).toBe(true);
    });
    it('is invalid for another body', () => {
      expect(isLamlSignature([SECRET], signature, { ...json, rawBody: `${rawBody} ` })).toBe(false);
    });
    it('is invalid without the hash, which is the only cover of the body', () => {
      const bare = 'https://a.example/in';
      expect(isLamlSignature([SECRET], expected(bare, {}), { url: bare, params: undefined, rawBody })).toBe(false);
    });
    it('does not let a form slip in under a hash', () => {
      const smuggled = { url, params: { CallSid: 'CA2' }, rawBody: 'CallSid=CA2' };
      expect(isLamlSignature([SECRET], signature, smuggled)).toBe(false);
    });
  });

  it("[twilio] webhook signature: agrees with the vendor's validator on any parameters, URL and tampering", () => {
    const url = fc
      .tuple(
        fc.constantFrom('https://', 'http://'),
        fc.constantFrom('a.example', 'A.Example', 'b.example:8443', 'u:p@c.example', '[::1]:80'),
        fc.constantFrom('/', '/incoming-call', '/a%20b/c', "/it's"),
        fc.option(fc.webQueryParameters(), { nil: undefined }),
      )
      .map(([scheme, host, path, query]) => scheme + host + path + (query === undefined ? '' : `?${query}`));
    const params = fc.dictionary(
      fc.string({ minLength: 1, unit: 'binary' }).filter((key) => key !== '__proto__'),
      fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 })),
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(url, url, params, params, fc.integer({ min: 0, max: 2 }), (given, other, sent, changed, tamper) => {
        const signature = expected(tamper === 1 ? other : given, sent);
        const seen = tamper === 2 ? changed : sent;
        expect(lamlSignature(SECRET, given, seen)).toBe(expected(given, seen));
        expect(isLamlSignature([SECRET], signature, { url: given, params: seen, rawBody: 'x' })).toBe(
          given.includes('bodySHA256') ? false : twilio.validateRequest(SECRET, signature, given, seen as never),
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('the signature of a WebSocket upgrade', () => {
  const url = 'wss://voice.example.com/media-stream';
  it.each([
    [url, true],
    ['https://voice.example.com/media-stream', false],
    [`${url}/`, false],
    ['wss://voice.example.com/other', false],
    // The vendor's port rule has 80 for every scheme but https.
    ['wss://voice.example.com:80/media-stream', true],
    ['wss://voice.example.com:443/media-stream', false],
  ])('signed for %s: %s', (signedUrl, verdict) => {
    const signature = expected(signedUrl, {});
    expect(isUpgradeSignature([SECRET], signature, url)).toBe(verdict);
    expect(twilio.validateRequest(SECRET, signature, url, {})).toBe(verdict);
  });
});

describe("SignalWire's signatures", () => {
  const KEY = 'PSK_signing_key';
  const url = 'https://user:pass@voice.example.com/incoming-call';
  const bare = 'https://voice.example.com/incoming-call';
  const rawBody = 'CallSid=8f1c0d7e-0000-4000-8000-000000000001&From=%2B15550001111';
  const params = { CallSid: '8f1c0d7e-0000-4000-8000-000000000001', From: '+15550001111' };
  const content = { url, params, rawBody };
  const hex = (algorithm: string, text: string) => createHmac(algorithm, KEY).update(text).digest('hex');

  it.each([
    ["Twilio's algorithm", { signalwire: lamlSignature(KEY, url, params) }, true],
    ["Twilio's algorithm, credentials stripped", { signalwire: lamlSignature(KEY, bare, params) }, true],
    ["Twilio's header name", { twilio: lamlSignature(KEY, bare, params) }, true],
    ['hex over the raw body, credentials stripped', { signalwire: hex('sha1', bare + rawBody) }, true],
    ['hex SHA-256', { signalwireSha256: hex('sha256', bare + rawBody) }, true],
    ['hex with credentials', { signalwire: hex('sha1', url + rawBody) }, false],
    ['SHA-256 of another body', { signalwireSha256: hex('sha256', `${bare + rawBody}&x=1`) }, false],
    ['SHA-1 under the SHA-256 name', { signalwireSha256: hex('sha1', bare + rawBody) }, false],
    ["hex under Twilio's name", { twilio: hex('sha1', bare + rawBody) }, false],
    ['the API token for the key', { signalwire: lamlSignature('PT_api_token', bare, params) }, false],
    ['nothing', {}, false],
  ])('[signalwire] webhook signature: of each documented form, and no other: %s', (_says, headers, verdict) => {
    expect(isSignalWireSignature([KEY], { ...NONE, ...headers }, content)).toBe(verdict);
    expect(isSignalWireSignature(['another', KEY], { ...NONE, ...headers }, content)).toBe(verdict);
    expect(isSignalWireSignature([], { ...NONE, ...headers }, content)).toBe(false);
  });

  it('[signalwire] webhook signature: covers a JSON body by the hex form', () => {
    const json = { url: bare, params: undefined, rawBody: '{"call":{"call_id":"x"}}' };
    expect(isSignalWireSignature([KEY], { ...NONE, signalwire: hex('sha1', bare + json.rawBody) }, json)).toBe(true);
    expect(isSignalWireSignature([KEY], { ...NONE, signalwire: lamlSignature(KEY, bare, {}) }, json)).toBe(false);
  });

  it.each([
    ['https://u:p@h.example:1/x?y@z', 'https://h.example:1/x?y@z'],
    ['https://u@p@h.example/', 'https://h.example/'],
    ['https://h.example/a@b', 'https://h.example/a@b'],
    ['no url', 'no url'],
  ])('strips credentials of %s', (from, to) => expect(withoutCredentials(from)).toBe(to));
});
