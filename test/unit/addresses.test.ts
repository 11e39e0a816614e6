import { describe, expect, it } from 'vitest';
import { addressKind } from '../../src/addresses.ts';
import { Destinations, isHostEntry } from '../../src/tools/destinations.ts';

describe('addresses', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '2606:4700:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('%s is public', (address) => expect(addressKind(address)).toBe('public'));

  it.each([
    '127.0.0.1',
    '127.8.9.10',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd12:3456::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0a00:0001',
    '64:ff9b::10.0.0.1',
    '2002:c0a8:0101::1',
    '::192.168.0.1',
  ])('%s is private', (address) => expect(addressKind(address)).toBe('private'));

  it.each([
    '169.254.169.254',
    '169.254.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    '198.18.0.1',
    '192.0.0.192',
    '100.100.100.200',
    'fe80::1',
    'fe80::1%eth0',
    '::',
    'ff02::1',
    'fd00:ec2::254',
    '2001:db8::1',
    '2001::1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    'localhost',
    '',
    '1.2.3',
    '0x7f.0.0.1',
  ])('%s is forbidden', (address) => expect(addressKind(address)).toBe('forbidden'));
});

describe('destinations', () => {
  const destinations = new Destinations(
    {
      hosts: ['api.example.com', '*.hooks.example.com', 'odd.example.com:8443', '8.8.8.8'],
      privateHosts: ['localhost:5678', '10.0.0.5', '[::1]:99', '169.254.169.254'],
    },
    async () => [],
  );
  const open = (url: string) => {
    try {
      destinations.dispatcherFor(new URL(url));
      return 'open';
    } catch (error) {
      return (error as Error).message.replace(/^.*?: /, '');
    }
  };

  it.each([
    'https://api.example.com/x',
    'https://API.example.com:443/',
    'https://api.example.com./',
    'https://a.hooks.example.com/',
    'https://odd.example.com:8443/',
    'https://8.8.8.8/',
    'http://localhost:5678/',
    'https://localhost:5678/',
    'http://10.0.0.5/',
    'http://[::1]:99/',
  ])('%s may be asked', (url) => expect(open(url)).toBe('open'));

  it.each([
    ['http://api.example.com/', 'not https.'],
    ['https://api.example.com:8443/', 'host api.example.com:8443 is not on the list.'],
    ['https://odd.example.com/', 'host odd.example.com is not on the list.'],
    ['https://hooks.example.com/', 'host hooks.example.com is not on the list.'],
    ['https://evil-hooks.example.com/', 'host evil-hooks.example.com is not on the list.'],
    ['https://api.example.com.evil.test/', 'host api.example.com.evil.test is not on the list.'],
    ['https://user:secret@api.example.com/', 'credentials in the URL.'],
    ['http://localhost/', 'not https.'],
    ['http://2130706433/', 'not https.'],
    ['https://0x7f.1/', 'host 127.0.0.1 is not on the list.'],
    ['http://169.254.169.254/latest/meta-data', 'the host leads to a forbidden address.'],
    ['ftp://localhost:5678/', 'neither https nor http.'],
  ])('%s may not: %s', (url, why) => expect(open(url)).toBe(why));

  it('are written as hosts', () => {
    expect(['a.example', '*.a.example:8443', 'localhost:1', '[::1]:99'].map(isHostEntry)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['https://a', 'a/b', '*', 'a..b', '*.*.a', 'a b', ''].map(isHostEntry)).toEqual(new Array(7).fill(false));
  });
});
