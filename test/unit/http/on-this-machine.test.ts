import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { isOnThisMachine } from '../../../src/http/client-address.ts';

const asks = (remoteAddress: string, headers: Record<string, string>) =>
  isOnThisMachine({ headers, socket: { remoteAddress } } as unknown as IncomingMessage);

it.each([
  ['127.0.0.1', 'localhost:8080'],
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '[::1]:8080'],
  ['::ffff:127.0.0.1', 'LOCALHOST'],
])('a program on this machine is known: from %s, to %s', (address, host) => {
  expect(asks(address, { host })).toBe(true);
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
  ['a page', '127.0.0.1', { host: 'localhost', origin: 'https://evil.example.com' }],
  ['a request without a host', '127.0.0.1', {}],
] as Array<[string, string, Record<string, string>]>)('%s is none', (_what, address, headers) => {
  expect(asks(address, headers)).toBe(false);
});
