import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { StreamTokens } from '../../../../../src/callers/phone/http/stream-token.ts';
import { MemoryUsedTokens } from '../../../../../src/callers/phone/http/used-tokens.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

const SECRET = 'a secret of sixteen bytes';
const CALL = { carrier: 'twilio', carrierCallId: `CA${'0'.repeat(32)}`, callId: 'call-1' };
const coded = (code: string) => expect.objectContaining({ code: `STREAM_TOKEN_${code}`, status: 401 });

let clock: FakeClock;
let tokens: StreamTokens;
const make = (secrets: string[], used = new MemoryUsedTokens(() => clock.wall())) =>
  new StreamTokens({ secrets, used, wall: () => clock.wall() });

beforeEach(() => {
  clock = new FakeClock();
  tokens = make([SECRET]);
});

describe('a stream token', () => {
  it('gives its claims back to whoever has the secret', () => {
    const token = tokens.issue(CALL);
    const claims = make([SECRET]).verify(token, { carrierCallId: CALL.carrierCallId });
    expect(claims).toEqual({
      ...CALL,
      jti: expect.stringMatching(/^[0-9a-f]{32}$/),
      expiresAtMs: clock.wall() + 60_000,
    });
  });

  it('has the documented bytes', () => {
    const random = Uint8Array.from({ length: 16 }, (_, i) => i);
    const fixed = new StreamTokens({
      secrets: [SECRET],
      used: new MemoryUsedTokens(() => 0),
      wall: () => 0x0102030405,
      ttlMs: 0,
      random: () => random,
    });
    const body = Buffer.concat([
      Buffer.of(1, 0, 1, 2, 3, 4, 5),
      random,
      Buffer.from('\x06twilio'),
      Buffer.from(`\x22${CALL.carrierCallId}`),
      Buffer.from('\x06call-1'),
    ]);
    const mac = createHmac('sha256', SECRET).update('voicebridge stream token\n').update(body).digest();
    expect(fixed.issue(CALL)).toBe(Buffer.concat([body, mac]).toString('base64url'));
  });

  it('fits a <Parameter> for any ids it takes', () => {
    const longest = tokens.issue({ carrier: 'c'.repeat(100), carrierCallId: 'i'.repeat(100), callId: 'o'.repeat(100) });
    expect(longest.length + 'token'.length).toBeLessThan(500);
    expect(tokens.verify(longest).callId).toBe('o'.repeat(100));
    for (const id of ['', 'i'.repeat(101), 'ü'.repeat(51)])
      expect(() => tokens.issue({ ...CALL, carrierCallId: id })).toThrow(
        expect.objectContaining({ code: 'WEBHOOK_INVALID' }),
      );
  });

  it('works once, on the call it was made for', () => {
    const token = tokens.issue(CALL);
    expect(() => tokens.redeem(token, { carrierCallId: 'CAother' })).toThrow(coded('INVALID'));
    expect(tokens.redeem(token, CALL).callId).toBe('call-1');
    expect(() => tokens.redeem(token, CALL)).toThrow(coded('USED'));
  });

  it('is not used up by looking at it', () => {
    const token = tokens.issue(CALL);
    tokens.verify(token);
    tokens.verify(token, CALL);
    expect(tokens.redeem(token, CALL).callId).toBe('call-1');
  });

  it('is told apart from another of the same call', () => {
    const [first, second] = [tokens.issue(CALL), tokens.issue(CALL)];
    expect(first).not.toBe(second);
    tokens.redeem(first, CALL);
    expect(tokens.redeem(second, CALL).callId).toBe('call-1');
  });

  it('expires by the wall clock, with 5 s of leeway', () => {
    const token = tokens.issue(CALL);
    clock.advance(65_000);
    expect(tokens.verify(token).callId).toBe('call-1');
    clock.advance(1);
    expect(() => tokens.redeem(token, CALL)).toThrow(coded('EXPIRED'));
  });

  it('stays used for as long as it would pass', () => {
    const token = tokens.issue(CALL);
    tokens.redeem(token, CALL);
    clock.advance(65_000);
    expect(() => tokens.redeem(token, CALL)).toThrow(coded('USED'));
    clock.advance(1);
    expect(() => tokens.redeem(token, CALL)).toThrow(coded('EXPIRED'));
  });

  it.each([
    [undefined, 'MISSING'],
    ['', 'MISSING'],
    ['x', 'INVALID'],
    ['A'.repeat(200), 'INVALID'],
    ['A'.repeat(100_000), 'INVALID'],
    ['not base64url!', 'INVALID'],
  ])('of %j is STREAM_TOKEN_%s', (token, code) => {
    expect(() => tokens.redeem(token, CALL)).toThrow(coded(code));
  });

  it('of a foreign secret is invalid', () => {
    expect(() => tokens.redeem(make(['another secret of enough bytes']).issue(CALL), CALL)).toThrow(coded('INVALID'));
  });

  it('of a newer version is invalid, well signed as it may be', () => {
    const body = Buffer.from(tokens.issue(CALL), 'base64url').subarray(0, -32);
    body[0] = 2;
    const mac = createHmac('sha256', SECRET).update('voicebridge stream token\n').update(body).digest();
    const token = Buffer.concat([body, mac]).toString('base64url');
    expect(() => tokens.redeem(token, CALL)).toThrow(coded('INVALID'));
  });

  it('survives the rotation of the secret', () => {
    const old = make(['the old secret, long enough']).issue(CALL);
    const rotated = make([SECRET, 'the old secret, long enough']);
    expect(rotated.redeem(old, CALL).callId).toBe('call-1');
    expect(tokens.redeem(rotated.issue(CALL), CALL).callId).toBe('call-1');
  });

  it('breaks with any changed character and any cut', () => {
    const token = tokens.issue(CALL);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ';
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...alphabet), fc.boolean(), (at, letter, cut) => {
        const changed = cut ? token.slice(0, at) : token.slice(0, at) + letter + token.slice(at + 1);
        if (changed === token) return;
        expect(() => tokens.verify(changed)).toThrow(coded(changed === '' ? 'MISSING' : 'INVALID'));
      }),
    );
  });

  it.each([[[]], [['too short']], [[SECRET, 'short']]])('is not made with the secrets %j', (secrets) => {
    expect(() => make(secrets)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('the memory of used tokens', () => {
  it('forgets after expiry and not before', () => {
    const used = new MemoryUsedTokens(() => clock.wall());
    expect(used.consume('a', clock.wall() + 100)).toBe(true);
    clock.advance(100);
    expect(used.consume('a', clock.wall() + 100)).toBe(false);
    clock.advance(1);
    expect(used.consume('b', clock.wall() + 100)).toBe(true);
    expect(used.size).toBe(1);
  });

  it('refuses when full of living tokens, and has room again when they died', () => {
    const used = new MemoryUsedTokens(() => clock.wall(), 2);
    used.consume('a', clock.wall() + 100);
    used.consume('b', clock.wall() + 100);
    expect(used.consume('c', clock.wall() + 100)).toBe(false);
    expect(used.consume('a', clock.wall() + 100)).toBe(false);
    clock.advance(101);
    expect(used.consume('c', clock.wall() + 100)).toBe(true);
  });
});
