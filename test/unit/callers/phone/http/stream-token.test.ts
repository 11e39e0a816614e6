import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { StreamTokens } from '../../../../../src/callers/phone/http/stream-token.ts';
import { withDeadline } from '../../../../../src/memory/deadline.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../../../src/memory/memory.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { failingMemory, shuffledMemory, silentMemory } from '../../../../fakes/memory.ts';

const SECRET = 'a secret of sixteen bytes';
const CALL = { carrier: 'twilio', carrierCallId: `CA${'0'.repeat(32)}`, callId: 'call-1' };
const coded = (code: string) => expect.objectContaining({ code: `STREAM_TOKEN_${code}`, status: 401 });

let clock: FakeClock;
let tokens: StreamTokens;
const make = (secrets: string[], memory: ProcessMemory = new LocalMemory({ clock })) =>
  new StreamTokens({ secrets, memory, wall: () => clock.wall() });

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
      memory: new LocalMemory({ clock: { now: () => 0 } }),
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

  it('works once, on the call it was made for', async () => {
    const token = tokens.issue(CALL);
    await expect(tokens.redeem(token, { carrierCallId: 'CAother' })).rejects.toEqual(coded('INVALID'));
    expect((await tokens.redeem(token, CALL)).callId).toBe('call-1');
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('USED'));
  });

  it('is not used up by looking at it', async () => {
    const token = tokens.issue(CALL);
    tokens.verify(token);
    tokens.verify(token, CALL);
    expect((await tokens.redeem(token, CALL)).callId).toBe('call-1');
  });

  it('is told apart from another of the same call', async () => {
    const [first, second] = [tokens.issue(CALL), tokens.issue(CALL)];
    expect(first).not.toBe(second);
    await tokens.redeem(first, CALL);
    expect((await tokens.redeem(second, CALL)).callId).toBe('call-1');
  });

  it('expires by the wall clock, with 5 s of leeway', async () => {
    const token = tokens.issue(CALL);
    clock.advance(65_000);
    expect(tokens.verify(token).callId).toBe('call-1');
    clock.advance(1);
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('EXPIRED'));
  });

  it('is taken by an instance whose clock is minutes ahead of its maker’s for as long as it is known to be new, once', async () => {
    const memory = new LocalMemory({ clock });
    let isNew = true;
    const ahead = new StreamTokens({
      ...{ secrets: [SECRET], memory, wall: () => clock.wall() + 300_000 },
      isFresh: async (callId) => isNew && callId === CALL.callId,
    });
    const [first, second, foreign] = [
      tokens.issue(CALL),
      tokens.issue(CALL),
      tokens.issue({ ...CALL, callId: 'call-2' }),
    ];
    expect((await ahead.verifyUnused(first)).callId).toBe('call-1');
    expect((await ahead.redeem(first, CALL)).callId).toBe('call-1');
    await expect(ahead.redeem(first, CALL)).rejects.toEqual(coded('USED'));
    await expect(make([SECRET], memory).redeem(first, CALL)).rejects.toEqual(coded('USED'));
    await expect(ahead.redeem(foreign, CALL)).rejects.toEqual(coded('EXPIRED'));
    isNew = false;
    await expect(ahead.redeem(second, CALL)).rejects.toEqual(coded('EXPIRED'));
    isNew = true;
    // However new: no clock is off by so much.
    clock.advance(365_001);
    await expect(ahead.redeem(second, CALL)).rejects.toEqual(coded('EXPIRED'));
  });

  it('stays used for as long as it would pass', async () => {
    const token = tokens.issue(CALL);
    await tokens.redeem(token, CALL);
    clock.advance(65_000);
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('USED'));
    clock.advance(1);
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('EXPIRED'));
  });

  it.each([
    [undefined, 'MISSING'],
    ['', 'MISSING'],
    ['x', 'INVALID'],
    ['A'.repeat(200), 'INVALID'],
    ['A'.repeat(100_000), 'INVALID'],
    ['not base64url!', 'INVALID'],
  ])('of %j is STREAM_TOKEN_%s', async (token, code) => {
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded(code));
  });

  it('of a foreign secret is invalid', async () => {
    await expect(tokens.redeem(make(['another secret of enough bytes']).issue(CALL), CALL)).rejects.toEqual(
      coded('INVALID'),
    );
  });

  it('of a newer version is invalid, well signed as it may be', async () => {
    const body = Buffer.from(tokens.issue(CALL), 'base64url').subarray(0, -32);
    body[0] = 2;
    const mac = createHmac('sha256', SECRET).update('voicebridge stream token\n').update(body).digest();
    const token = Buffer.concat([body, mac]).toString('base64url');
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('INVALID'));
  });

  it('survives the rotation of the secret', async () => {
    const old = make(['the old secret, long enough']).issue(CALL);
    const rotated = make([SECRET, 'the old secret, long enough']);
    expect((await rotated.redeem(old, CALL)).callId).toBe('call-1');
    expect((await tokens.redeem(rotated.issue(CALL), CALL)).callId).toBe('call-1');
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
  it('is freed ten minutes after they expired', async () => {
    const memory = new LocalMemory({ clock });
    tokens = make([SECRET], memory);
    await tokens.redeem(tokens.issue(CALL), CALL);
    clock.advance(665_000 - 1);
    await tokens.redeem(tokens.issue(CALL), CALL);
    expect(memory.size('stream-tokens')).toBe(2);
    clock.advance(1);
    await tokens.redeem(tokens.issue(CALL), CALL);
    expect(memory.size('stream-tokens')).toBe(2);
  });

  it('brings none back to life where the wall clock is set back by ten minutes', async () => {
    let back = 0;
    tokens = new StreamTokens({
      secrets: [SECRET],
      memory: new LocalMemory({ clock }),
      wall: () => clock.wall() - back,
    });
    const token = tokens.issue(CALL);
    await tokens.redeem(token, CALL);
    for (back of [0, 200_000, 600_000]) {
      clock.advance(60_000);
      await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('USED'));
      clock.advance(140_000);
    }
  });

  it('refuses when full of living tokens, and has room again when they died', async () => {
    // Filled by another user of the same space, who need not make a hundred thousand tokens.
    const memory = new LocalMemory({ clock });
    const space = memory.space({ name: 'stream-tokens', most: 2, full: 'new' });
    tokens = make([SECRET], memory);
    const token = tokens.issue(CALL);
    await space.putIfAbsent('a', true, 1_000);
    await space.putIfAbsent('b', true, 2_000);
    await expect(tokens.redeem(token, CALL)).rejects.toEqual(coded('USED'));
    clock.advance(1_000);
    expect((await tokens.redeem(token, CALL)).callId).toBe('call-1');
  });

  it('lets one of all pass who show a token at once, in whatever order it answers, in one process or several', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (s) => {
        const inner = new LocalMemory({ clock });
        const shared = () =>
          make(
            [SECRET],
            shuffledMemory(() => s.schedule(Promise.resolve()), inner),
          );
        const [here, there] = [shared(), shared()];
        const token = here.issue(CALL);
        const shown = Promise.allSettled([here, there, here, there].map((one) => one.redeem(token, CALL)));
        await s.waitIdle();
        const outcomes = (await shown).map((one) => (one.status === 'fulfilled' ? 'passed' : one.reason.code));
        expect(outcomes.sort()).toEqual([...Array(3).fill('STREAM_TOKEN_USED'), 'passed']);
      }),
    );
  });
});

describe('a token whose memory fails', () => {
  it('is refused, whether it was used or not, and passes when the memory is back', async () => {
    const failing = failingMemory();
    tokens = make([SECRET], failing.memory);
    const token = tokens.issue(CALL);
    await expect(tokens.redeem(token, CALL)).rejects.toThrow('the memory is gone');
    await expect(tokens.verifyUnused(token)).rejects.toThrow('the memory is gone');
    failing.fails = false;
    await tokens.verifyUnused(token);
    expect((await tokens.redeem(token, CALL)).callId).toBe('call-1');
    await expect(tokens.verifyUnused(token)).rejects.toEqual(coded('USED'));
  });

  it('is refused after the deadline of one that does not answer', async () => {
    tokens = make([SECRET], withDeadline(silentMemory(), { clock, ms: 500 }));
    const redeeming = tokens.redeem(tokens.issue(CALL), CALL).catch((error) => error.code);
    await clock.advanceAsync(500);
    expect(await redeeming).toBe('INTERNAL');
  });
});
