import { describe, expect, it } from 'vitest';
import { localUrl, publicUrls } from '../../../src/http/public-url.ts';

const request = (host?: string) => ({ headers: { host } });

describe('the public URL', () => {
  it.each([
    ['https://voice.example.com', 'https://voice.example.com/x?y=1', 'wss://voice.example.com/x?y=1'],
    ['https://voice.example.com/', 'https://voice.example.com/x?y=1', 'wss://voice.example.com/x?y=1'],
    [
      'https://voice.example.com:8443/base',
      'https://voice.example.com:8443/base/x?y=1',
      'wss://voice.example.com:8443/base/x?y=1',
    ],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/x?y=1', 'ws://127.0.0.1:8080/x?y=1'],
  ])('is %s as configured, whatever the Host', (publicUrl, http, ws) => {
    for (const signed of [true, false]) {
      const urls = publicUrls({ publicUrl, signed });
      expect(urls.http(request('evil.example'), '/x?y=1')).toBe(http);
      expect(urls.ws(request(), '/x?y=1')).toBe(ws);
    }
  });

  it.each([
    'ftp://a.example',
    'not a url',
    'https://u:p@a.example',
    'https://a.example?x=1',
    'https://a.example#f',
    'https://a.example/"x',
  ])('refuses %s at the start', (publicUrl) =>
    expect(() => publicUrls({ publicUrl, signed: false })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' })),
  );

  it.each([
    ['trial.trycloudflare.com', 'wss://trial.trycloudflare.com/m'],
    ['trial.example.com:8443', 'wss://trial.example.com:8443/m'],
    ['localhost:8080', 'ws://localhost:8080/m'],
    ['bridge.localhost', 'ws://bridge.localhost/m'],
    ['bridge:8080', 'ws://bridge:8080/m'],
    ['127.0.0.1:8080', 'ws://127.0.0.1:8080/m'],
    ['[::1]:8080', 'ws://[::1]:8080/m'],
  ])('of a local trial comes from the Host %s', (host, ws) => {
    expect(publicUrls({ signed: false }).ws(request(host), '/m')).toBe(ws);
  });

  it.each([
    '',
    'a b',
    'a"onload="x',
    'a.example/path',
    'a.example?x',
    'a.example#x',
    'u:p@a.example',
    '<x>',
    "a'b",
    'a.example:99999999',
    '-a.example',
    'a\r\nb',
    'ä.example',
    'a'.repeat(300),
  ])('refuses the Host %j with 403', (host) =>
    expect(() => publicUrls({ signed: false }).http(request(host), '/')).toThrow(
      expect.objectContaining({ code: 'HOST_NOT_ALLOWED', status: 403 }),
    ),
  );

  it('refuses every Host as soon as a secret is set', () => {
    const urls = publicUrls({ signed: true });
    for (const host of ['voice.example.com', 'localhost'])
      expect(() => urls.http(request(host), '/')).toThrow(
        expect.objectContaining({
          code: 'HOST_NOT_ALLOWED',
          status: 500,
          message: expect.stringContaining('PUBLIC_URL'),
        }),
      );
  });
});

it.each([
  ['0.0.0.0', 'http://127.0.0.1:8080'],
  ['::', 'http://127.0.0.1:8080'],
  ['::1', 'http://[::1]:8080'],
  ['192.0.2.7', 'http://192.0.2.7:8080'],
  ['localhost', 'http://localhost:8080'],
])('what listens on %s is reached at %s from here', (host, url) => {
  expect(localUrl(host, 8080)).toBe(url);
});
