import fc from 'fast-check';
import plivo from 'plivo';
import { describe, expect, it } from 'vitest';
import {
  isPlivoSignature,
  type PlivoSigned,
  plivoProof,
  plivoSignature,
} from '../../../../../../src/callers/phone/carriers/plivo/signature.ts';
import { signV3 } from '../../../../../../src/simulator/phone/carriers/plivo.ts';

const TOKEN = 'auth-token-of-the-account';
const NONCE = '05429567804466091622';
const URL_ = 'https://voice.example.com/incoming-call';

/** Whether the vendor's own library takes the signature. */
const vendorTakes = ({ method, url, params }: PlivoSigned, signature: string, nonce = NONCE, token = TOKEN): boolean =>
  Boolean(plivo.validateV3Signature(method, url, nonce, token, signature, params as Record<string, string>));

const shown = (signature: string, nonce = NONCE, name = 'x-plivo-signature-v3') => ({
  [name]: signature,
  'x-plivo-signature-v3-nonce': nonce,
});

describe("Plivo's signature", () => {
  it('of a webhook with a form is what the vendor’s library takes', () => {
    const request = { method: 'POST', url: URL_, params: { To: '12025550100', From: '12025550143', CallUUID: 'c-1' } };
    const signature = plivoSignature(TOKEN, request, NONCE);
    expect(vendorTakes(request, signature)).toBe(true);
    expect(vendorTakes(request, signature, '1')).toBe(false);
    expect(vendorTakes(request, signature, NONCE, 'another token')).toBe(false);
  });

  it('of an upgrade, of a GET with a query, and of a POST without a form, too', () => {
    for (const request of [
      { method: 'GET', url: 'https://voice.example.com/media-stream', params: {} },
      { method: 'GET', url: `${URL_}?b=2&a=1&a=0&c=x%20y`, params: {} },
      { method: 'POST', url: `${URL_}?department=sales`, params: {} },
      { method: 'POST', url: `${URL_}?department=sales&transfer=1`, params: { Digits: '1' } },
      { method: 'POST', url: 'https://voice.example.com:8443/a/b.xml', params: { Key: ['b', 'a'], Other: '' } },
    ])
      expect(vendorTakes(request, plivoSignature(TOKEN, request, NONCE)), request.url).toBe(true);
  });

  it('agrees with the vendor’s library on any parameters, query and tampering', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/);
    const value = fc.string({ maxLength: 12 });
    const query = fc.array(fc.tuple(name, fc.stringMatching(/^[A-Za-z0-9 +=.é-]{0,8}$/)), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.constantFrom('GET', 'POST'),
        query,
        fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true }),
        fc.stringMatching(/^[0-9]{1,20}$/),
        (method, pairs, form, nonce) => {
          const search = new URLSearchParams(pairs).toString();
          const request = {
            method,
            url: search === '' ? URL_ : `${URL_}?${search}`,
            params: method === 'GET' ? {} : form,
          };
          const signature = plivoSignature(TOKEN, request, nonce);
          expect(vendorTakes(request, signature, nonce)).toBe(true);
          const headers = shown(signature, nonce);
          expect(isPlivoSignature([TOKEN], headers, request)).toBe(true);
          const other = { ...request, url: `${URL_}s${request.url.slice(URL_.length)}` };
          expect(isPlivoSignature([TOKEN], headers, other)).toBe(vendorTakes(other, signature, nonce));
          // The far end of the simulator makes its own, by itself.
          expect(signV3(TOKEN, method as 'GET' | 'POST', request.url, method === 'POST' ? form : {}, nonce)).toBe(
            signature,
          );
        },
      ),
    );
  });

  it('may be one of several in its header, of any token that is in use, or the main account’s', () => {
    const request = { method: 'POST', url: URL_, params: { CallUUID: 'c-1' } };
    const [old, now] = ['the-old-token', TOKEN].map((secret) => plivoSignature(secret, request, NONCE)) as [
      string,
      string,
    ];
    expect(vendorTakes(request, `${old},${now}`)).toBe(true);
    for (const [secrets, headers] of [
      [[TOKEN], shown(`${old},${now}`)],
      [[TOKEN], shown(`${old}, ${now}`)],
      [['first', TOKEN], shown(now)],
      [[TOKEN], shown(now, NONCE, 'x-plivo-signature-ma-v3')],
    ] as const)
      expect(isPlivoSignature(secrets, headers, request)).toBe(true);
  });

  it('is none without a nonce, without a signature, of another token, or further back than anybody rotates', () => {
    const request = { method: 'POST', url: URL_, params: { CallUUID: 'c-1' } };
    const right = plivoSignature(TOKEN, request, NONCE);
    for (const headers of [
      {},
      { 'x-plivo-signature-v3': right },
      { 'x-plivo-signature-v3-nonce': NONCE },
      shown(''),
      shown(','),
      shown(plivoSignature('another token', request, NONCE)),
      shown(right, '1'),
      shown(`${'x,'.repeat(8)}${right}`),
    ])
      expect(isPlivoSignature([TOKEN], headers, request)).toBe(false);
    expect(isPlivoSignature([], shown(right), request)).toBe(false);
  });

  it('covers no user and password in the address, as the vendor has it', () => {
    const request = { method: 'POST', url: 'https://user:secret@voice.example.com/incoming-call', params: { a: 'b' } };
    const signature = plivoSignature(TOKEN, request, NONCE);
    expect(vendorTakes(request, signature)).toBe(true);
    expect(signature).toBe(plivoSignature(TOKEN, { ...request, url: URL_ }, NONCE));
  });

  it('goes out in the headers that it is read from', () => {
    const request = { method: 'GET', url: 'https://voice.example.com/media-stream', params: {} };
    const headers = Object.entries(plivoProof(TOKEN, request, NONCE)).map(([name, text]) => [name.toLowerCase(), text]);
    expect(isPlivoSignature([TOKEN], Object.fromEntries(headers), request)).toBe(true);
  });
});
