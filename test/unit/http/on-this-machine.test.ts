import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { isLocalUrl, isOnThisMachine } from '../../../src/http/client-address.ts';

const asks = (
  remoteAddress: string,
  headers: Record<string, string>,
  { localPort = 80, httpVersion = '1.1' }: { localPort?: number; httpVersion?: string } = {},
) => isOnThisMachine({ headers, httpVersion, socket: { remoteAddress, localPort } } as unknown as IncomingMessage);

it.each([
  ['127.0.0.1', 'localhost:8080'],
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '[::1]:8080'],
  ['::ffff:127.0.0.1', 'LOCALHOST'],
])('a program on this machine is known: from %s, to %s', (address, host) => {
  expect(asks(address, { host }, { localPort: host.endsWith(':8080') ? 8080 : 80 })).toBe(true);
});

it.each([
  ['another machine', '192.168.1.5', { host: 'localhost' }],
  ['nobody', '', { host: 'localhost' }],
  ['a tunnel that passes its name on', '127.0.0.1', { host: 'voice.example.com' }],
  ['a name that begins like this machine’s', '127.0.0.1', { host: 'localhost.example.com' }],
  ['a proxy', '127.0.0.1', { host: 'localhost', 'x-forwarded-for': '203.0.113.1' }],
  ['a proxy that writes the other header', '127.0.0.1', { host: 'localhost', forwarded: 'for=203.0.113.1' }],
  ['a cache', '127.0.0.1', { host: 'localhost', via: '1.1 proxy' }],
  ['Cloudflare', '127.0.0.1', { host: 'localhost', 'cf-connecting-ip': '203.0.113.1' }],
  ['nginx as it is told to pass sockets on', '127.0.0.1', { host: 'localhost', connection: 'upgrade' }],
  ['a page', '127.0.0.1', { host: 'localhost', origin: 'https://evil.example.com' }],
  ['a request without a host', '127.0.0.1', {}],
] as Array<[string, string, Record<string, string>]>)('%s is none', (_what, address, headers) => {
  expect(asks(address, headers)).toBe(false);
});

it('whoever asks for another port came through something that passed his bytes on', () => {
  expect(asks('127.0.0.1', { host: 'localhost:9000' }, { localPort: 8080 })).toBe(false);
  expect(asks('127.0.0.1', { host: 'localhost' }, { localPort: 8080 })).toBe(false);
});

it('HTTP/1.0 is what nginx speaks to what is behind it', () => {
  expect(asks('127.0.0.1', { host: '127.0.0.1:8080' }, { localPort: 8080, httpVersion: '1.0' })).toBe(false);
  expect(asks('127.0.0.1', { host: '127.0.0.1:8080' }, { localPort: 8080 })).toBe(true);
});

it('an address of the daemon is this machine’s or a public one', () => {
  for (const url of ['http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:8080/base'])
    expect(isLocalUrl(url)).toBe(true);
  for (const url of ['https://voice.example.com', 'http://localhost.example.com', 'http://192.168.1.5:8080'])
    expect(isLocalUrl(url)).toBe(false);
});
