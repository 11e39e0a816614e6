import { beforeEach, describe, expect, it } from 'vitest';
import { CallMemory } from '../../../../../src/callers/phone/http/call-memory.ts';
import { PendingConnections } from '../../../../../src/http/pending.ts';
import { atTwilio } from '../../../../fakes/carrier.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

const MINUTE = 60_000;
let clock: FakeClock;
let memory: CallMemory;

beforeEach(() => {
  clock = new FakeClock();
  memory = new CallMemory(clock);
});

describe('the memory of answered calls', () => {
  it('holds the answer while the call lives, and ten minutes after its end', async () => {
    memory.remember(atTwilio('CA1'), Promise.resolve('<Response/>'));
    clock.advance(24 * 60 * MINUTE);
    expect(await memory.recall(atTwilio('CA1'))?.answer).toBe('<Response/>');
    memory.ended(atTwilio('CA1'));
    clock.advance(10 * MINUTE - 1);
    expect(await memory.recall(atTwilio('CA1'))?.answer).toBe('<Response/>');
    clock.advance(1);
    expect(memory.recall(atTwilio('CA1'))).toBeUndefined();
  });

  it('knows a call that ended although it was answered elsewhere', () => {
    memory.ended(atTwilio('CA2'));
    expect(memory.recall(atTwilio('CA2'))).toBeDefined();
    expect(memory.recall(atTwilio('CA2'))?.answer).toBeUndefined();
  });

  it('forgets what started nothing', () => {
    memory.remember(atTwilio('CA1'), Promise.resolve('busy'));
    memory.forget(atTwilio('CA1'));
    expect(memory.recall(atTwilio('CA1'))).toBeUndefined();
  });

  it('frees calls whose end was never told, after a day and an hour', () => {
    memory.remember(atTwilio('CA1'), Promise.resolve('x'));
    clock.advance(25 * 60 * MINUTE);
    memory.remember(atTwilio('CA2'), Promise.resolve('y'));
    expect(memory.size).toBe(1);
  });

  it('is bounded: the call with the oldest news goes first', () => {
    memory = new CallMemory(clock, { capacity: 2 });
    memory.remember(atTwilio('CA1'), Promise.resolve('1'));
    memory.remember(atTwilio('CA2'), Promise.resolve('2'));
    memory.ended(atTwilio('CA1'));
    memory.remember(atTwilio('CA3'), Promise.resolve('3'));
    expect([memory.size, memory.recall(atTwilio('CA1')) !== undefined, memory.recall(atTwilio('CA2'))]).toEqual([
      2,
      true,
      undefined,
    ]);
  });
});

describe('pending connections', () => {
  it('are limited by address and in all, and give their place back once', () => {
    const pending = new PendingConnections({ perAddress: 2, total: 3 });
    const first = pending.admit('a');
    expect(typeof first).toBe('function');
    pending.admit('a');
    expect(pending.admit('a')).toBe('address');
    expect(typeof pending.admit('b')).toBe('function');
    expect(pending.admit('c')).toBe('total');
    if (typeof first !== 'function') return;
    first();
    first();
    expect(pending.total).toBe(2);
    expect(typeof pending.admit('a')).toBe('function');
    expect(pending.admit('a')).toBe('total');
  });
});
