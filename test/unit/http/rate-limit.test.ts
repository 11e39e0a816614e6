import { describe, expect, it } from 'vitest';
import { ClientAddresses, isProxyEntry, limitKey } from '../../../src/http/client-address.ts';
import { RateLimiter } from '../../../src/http/rate-limit.ts';
import { FakeClock } from '../../fakes/clock.ts';

const LIMITS = { webhook: 5, stream: 5, 'browser-call': 1, api: 2, files: 20, health: 0, metrics: 1 };

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
  const request = (remoteAddress: string | undefined, listed?: string | string[], forwarded?: string) =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': listed, forwarded } }) as never;

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

  it.each([
    ['203.0.113.7:51234', '203.0.113.7'],
    ['203.0.113.7:443', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['"203.0.113.7"', '203.0.113.7'],
    ['"203.0.113.7:51234"', '203.0.113.7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:51234', '2001:db8::7'],
    ['"[2001:db8::7]:51234"', '2001:db8::7'],
    ['2001:DB8::7', '2001:db8::7'],
    ['fe80::7%eth0', 'fe80::7'],
    ['[fe80::7%25eth0]:80', 'fe80::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:51234', '203.0.113.7'],
    ['203.0.113.7,', '203.0.113.7'],
    ['203.0.113.7, ,, ', '203.0.113.7'],
    ['8.8.8.8:1, 203.0.113.7:2', '203.0.113.7'],
    ['unknown, 203.0.113.7:2', '203.0.113.7'],
    ['203.0.113.7:2, 127.0.0.1:9, [::1]:9', '203.0.113.7'],
    ['203.0.113.7:2, ::ffff:127.0.0.1', '203.0.113.7'],
  ])('in X-Forwarded-For as proxies write it: %s', (listed, expected) => {
    expect(new ClientAddresses(['loopback']).of(request('127.0.0.1', listed))).toBe(expected);
  });

  it.each([
    ['for=203.0.113.7', '203.0.113.7'],
    ['For="203.0.113.7:51234";proto=https;by=10.0.0.1', '203.0.113.7'],
    ['proto=https; for = "[2001:db8::7]:51234"', '2001:db8::7'],
    ['for="[2001:db8::7]"', '2001:db8::7'],
    ['for="[::ffff:203.0.113.7]:_port"', '203.0.113.7'],
    ['for="203.0.113.7:_p0rt"', '203.0.113.7'],
    ['for=8.8.8.8, for=203.0.113.7;host="a,b;for=9.9.9.9"', '203.0.113.7'],
    ['for="8.8.8.8, for=9.9.9.9", for=203.0.113.7', '203.0.113.7'],
    ['for=203.0.113.7, for=127.0.0.1;by="[::1]"', '203.0.113.7'],
    ['for="203\\.0.113.7"', '203.0.113.7'],
    ['for=203.0.113.7, , ', '203.0.113.7'],
  ])('in Forwarded (RFC 7239): %s', (forwarded, expected) => {
    expect(new ClientAddresses(['loopback']).of(request('127.0.0.1', undefined, forwarded))).toBe(expected);
  });

  it('is not taken from the header that a client sent beside the proxy’s own', () => {
    const addresses = new ClientAddresses(['loopback']);
    expect(addresses.of(request('127.0.0.1', '203.0.113.7', 'for=8.8.8.8'))).toBe('203.0.113.7');
    expect(addresses.of(request('198.51.100.9', '203.0.113.7', 'for=8.8.8.8'))).toBe('198.51.100.9');
  });

  const NOBODY = [
    'unknown',
    '_hidden',
    '"_SEVKISEK"',
    '',
    'garbage',
    '203.0.113',
    '203.0.113.7.9',
    '999.0.113.7',
    '203.0.113.007',
    '203.0.113.7:',
    '203.0.113.7:x',
    '203.0.113.7:123456',
    '[2001:db8::7',
    '2001:db8::7]:80',
    '[]:80',
    '[203.0.113.999]',
    '2001:db8:::7',
    'for=203.0.113.7',
    '"',
    '"203.0.113.7',
    'x'.repeat(16_000),
    '"'.repeat(16_000),
    '::ffff:203.0.113.7.9',
    '%',
    '%eth0',
  ];
  it('stays the proxy’s where the proxy names nobody: no name of a client’s choice becomes one more to count', () => {
    const addresses = new ClientAddresses(['loopback', '10.0.0.0/8']);
    for (const nobody of NOBODY) {
      expect(addresses.of(request('127.0.0.1', nobody)), nobody.slice(0, 40)).toBe('127.0.0.1');
      expect(addresses.of(request('127.0.0.1', `203.0.113.7, ${nobody || '_'}, 10.1.2.3`)), nobody.slice(0, 40)).toBe(
        '10.1.2.3',
      );
      // What stands before a client's address is that client's own invention.
      expect(addresses.of(request('127.0.0.1', `${nobody}, 203.0.113.7:80`)), nobody.slice(0, 40)).toBe('203.0.113.7');
    }
    for (const nobody of [
      'for=unknown',
      'for=_a',
      'for=',
      'for',
      'proto=https',
      'for="',
      'for="203.0.113.7',
      'fort=203.0.113.7',
      '"'.repeat(9_999),
      ';'.repeat(9_999),
    ])
      expect(addresses.of(request('127.0.0.1', undefined, nobody)), nobody.slice(0, 40)).toBe('127.0.0.1');
  });

  it('is found behind whatever quotes and escapes a client left open, and at once', () => {
    const addresses = new ClientAddresses(['loopback']);
    const own = ['for=203.0.113.7', 'for="203.0.113.7:80"', 'for="[::ffff:203.0.113.7]:_a"; by="[::1]"'];
    const theirs = [
      'for="x',
      'for="x\\',
      'for="\\"',
      `for=${'"'.repeat(15_001)}`,
      `for="${'\\"'.repeat(7_000)}`,
      `for="${' ;'.repeat(7_000)}x`,
    ];
    const began = performance.now();
    for (const start of theirs)
      for (const end of own)
        expect(addresses.of(request('127.0.0.1', undefined, `${start}, ${end}`)), start.slice(0, 20) + end).toBe(
          '203.0.113.7',
        );
    for (const bad of theirs)
      expect(addresses.of(request('127.0.0.1', undefined, bad)), bad.slice(0, 20)).toBe('127.0.0.1');
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('is one, and one to count, in whatever form', () => {
    const addresses = new ClientAddresses(['loopback']);
    const keys = (forms: string[]) => new Set(forms.map((form) => limitKey(addresses.of(request('127.0.0.1', form)))));
    expect(
      keys(['203.0.113.7', '203.0.113.7:1', '203.0.113.7:2', '::ffff:203.0.113.7', '[::ffff:cb00:7107]:3']),
    ).toEqual(new Set(['203.0.113.7']));
    expect(keys(['2001:db8:1:2::9', '[2001:db8:1:2:ffff::1]:80', '2001:0DB8:1:2:1:1:1.2.3.4'])).toEqual(
      new Set(['2001:db8:1:2::/64']),
    );
    expect(keys(['203.0.113.7:1', '203.0.113.8:1', '203.0.113.9:1']).size).toBe(3);
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
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::ffff:c633:6407', '198.51.100.7'],
    ['64:ff9b::198.51.100.7', '64:ff9b:0:0::/64'],
  ])('counts %s as %s', (address, key) => {
    expect(limitKey(address)).toBe(key);
  });
});
