import { describe, expect, it } from 'vitest';
import type { CallInfo } from '../../../src/call/info.ts';
import { termination } from '../../../src/call/termination.ts';
import { AloneFleet } from '../../../src/fleet/alone.ts';
import { Ownership } from '../../../src/fleet/ownership.ts';
import { FakeClock } from '../../fakes/clock.ts';

function fleet(clock = new FakeClock()) {
  return new AloneFleet({ self: 'abc', clock, calls: () => 3, maxCalls: 10, isDraining: () => false });
}

describe('a fleet of one', () => {
  it('answers its own questions with a copy, and those that throw with the error', async () => {
    const alone = fleet();
    const held = { n: 1 };
    alone.serve('same', async () => held);
    alone.serve('fails', async () => {
      throw new Error('no');
    });
    const answer = await alone.ask<unknown, { n: number }>('abc', 'same', {}, { withinMs: 100 });
    expect(answer).toEqual({ n: 1 });
    expect(answer).not.toBe(held);
    await expect(alone.ask('abc', 'fails', {}, { withinMs: 100 })).rejects.toThrow('no');
    expect(await alone.askAll('same', {}, { withinMs: 100 })).toEqual([{ instance: 'abc', answer: { n: 1 } }]);
    expect(() => alone.serve('same', async () => 1)).toThrow('answered already');
  });

  it('tells the handler, and whoever asks, that the time is up', async () => {
    const clock = new FakeClock();
    const alone = fleet(clock);
    let aborted = false;
    alone.serve('slow', (_, signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return new Promise(() => {});
    });
    const asked = alone.ask('abc', 'slow', {}, { withinMs: 100 });
    const late = expect(asked).rejects.toMatchObject({ code: 'PEER_LATE' });
    clock.advance(100);
    await late;
    expect(aborted).toBe(true);
  });

  it('knows no other', async () => {
    await expect(fleet().ask('def', 'same', {}, { withinMs: 100 })).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(await fleet().instances()).toMatchObject([{ id: 'abc', calls: 3, maxCalls: 10, draining: false }]);
  });

  it('knows a call by each of its names from its first event to its last', async () => {
    const alone = fleet();
    const ownership = new Ownership(alone);
    const info: CallInfo = {
      id: 'c1',
      direction: 'inbound',
      carrier: 'twilio',
      accountId: 'AC1',
      carrierCallId: 'CA1',
      conversationId: 'k',
    };
    ownership.onEvent('c1', { type: 'call_started', at: 0, direction: 'inbound', info });
    const names = [
      { kind: 'call', id: 'c1' },
      { kind: 'carrier', id: '["twilio","ac1","CA1"]' },
      { kind: 'conversation', id: 'k' },
    ] as const;
    for (const name of names)
      expect(await alone.ownerOf(name)).toEqual({ instance: 'abc', callId: 'c1', reachable: true });
    ownership.onEvent('c1', { type: 'call_ended', end: termination('caller-hangup'), durationMs: 1, counters: {} });
    for (const name of names) expect(await alone.ownerOf(name)).toBeUndefined();
  });
});
