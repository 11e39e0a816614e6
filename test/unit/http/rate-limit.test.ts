import { describe, expect, it } from 'vitest';
import { ClientAddresses, isProxyEntry, limitKey } from '../../../src/http/client-address.ts';
import { RateLimiter } from '../../../src/http/rate-limit.ts';
import { FakeClock } from '../../fakes/clock.ts';

const LIMITS = { webhook: 5, stream: 5, 'browser-call': 1, api: 2, health: 0, metrics: 1 };

describe('the rate limiter', () => {
  it('counts each address and each kind of route for itself', () => {
    const clock = new FakeClock();
    const limiter = new RateLimiter(LIMITS, clock);
    const passed = (limit: 'api' | 'webhook', address: string) =>
      Array.from({ length: 100 }, () => limiter.take(limit, address)).filter((wait) => wait === 0).length;
    expect(passed('api', '192.0.2.1')).toBe(20);
    expect(passed('api', '192.0.2.2')).toBe(20);
    expect(passed('webhook', '192.0.2.1')).toBe(50);
    expect(limiter.take('api', '192.0.2.1')).toBe(500);
    clock.advance(1_000);
    expect(passed('api', '192.0.2.1')).toBe(2);
  });

  it('limits nothing at 0', () => {
    const limiter = new RateLimiter(LIMITS, new FakeClock());
    for (let i = 0; i < 1_000; i++) expect(limiter.take('health', '192.0.2.1')).toBe(0);
  });

  it('stays small, however many addresses ask: the quiet ones are forgotten, the busy ones are not', () => {
    const limiter = new RateLimiter(LIMITS, new FakeClock());
    for (let i = 0; i < 20; i++) limiter.take('api', '192.0.2.1');
    for (let i = 0; i < 50_000; i++) {
      limiter.take('api', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
      if (i % 1_000 === 0) expect(limiter.take('api', '192.0.2.1')).toBeGreaterThan(0);
    }
  });
});

describe("the client's address", () => {
  const request = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as never;

  it.each([
    ['a direct client', [], '198.51.100.7', undefined, '198.51.100.7'],
    ['a forged header of a direct client', ['loopback'], '198.51.100.7', '203.0.113.1', '198.51.100.7'],
    ['a tunnel on this machine', ['loopback'], '127.0.0.1', '203.0.113.1', '203.0.113.1'],
    ['a tunnel over IPv6', ['loopback'], '::1', '2001:db8::5', '2001:db8::5'],
    ['a tunnel shown as IPv4-mapped', ['loopback'], '::ffff:127.0.0.1', '203.0.113.1', '203.0.113.1'],
    ['what the client wrote before the proxy', ['loopback'], '127.0.0.1', '8.8.8.8, 203.0.113.1', '203.0.113.1'],
    ['two proxies', ['loopback', '10.0.0.0/8'], '127.0.0.1', '9.9.9.9, 203.0.113.1, 10.1.2.3', '203.0.113.1'],
    ['a group of networks', ['uniquelocal'], '172.18.0.3', '203.0.113.1', '203.0.113.1'],
    ['a proxy nobody trusts', ['10.0.0.0/8'], '127.0.0.1', '203.0.113.1', '127.0.0.1'],
    ['no header', ['loopback'], '127.0.0.1', undefined, '127.0.0.1'],
    ['nonsense in the header', ['loopback'], '127.0.0.1', 'unknown, "x', '127.0.0.1'],
    ['a closed socket', ['loopback'], undefined, '203.0.113.1', ''],
  ])('of %s', (_what, trusted, remote, forwarded, expected) => {
    expect(new ClientAddresses(trusted).of(request(remote, forwarded))).toBe(expected);
  });

  it('reads several headers as one list', () => {
    expect(new ClientAddresses(['loopback']).of(request('127.0.0.1', ['8.8.8.8', '203.0.113.1']))).toBe('203.0.113.1');
  });

  it.each(['127.0.0.1', '10.0.0.0/8', 'fc00::/7', '::1', 'loopback', 'linklocal', 'uniquelocal'])(
    'takes %s',
    (entry) => {
      expect(isProxyEntry(entry)).toBe(true);
      expect(() => new ClientAddresses([entry])).not.toThrow();
    },
  );

  it.each(['true', 'example.com', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '', 'toString'])(
    'does not take %j',
    (entry) => {
      expect(isProxyEntry(entry)).toBe(false);
      expect(() => new ClientAddresses([entry])).toThrow(TypeError);
    },
  );

  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('counts %s as %s', (address, key) => {
    expect(limitKey(address)).toBe(key);
  });
});
