import { describe, expect, it } from 'vitest';
import { Owners } from '../../../src/fleet/owners.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { FakeClock } from '../../fakes/clock.ts';

const ID = { kind: 'call', id: 'c1' } as const;
const ORDER = { kind: 'order', id: 'c1' } as const;
const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe('a call that two parts of one instance hold, as whoever ordered it and the conversation', () => {
  it('is found until the one that told it last lets go, whatever the other does', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const [mine, others] = [new Owners('a', memory), new Owners('b', memory)];
    const ordered = mine.own('c1', [ORDER]);
    await settled();
    const running = mine.own('c1', []);
    await settled();
    ordered.release();
    await settled();
    clock.advance(3_600_000);
    expect(await others.find(ID)).toEqual({ instance: 'a', callId: 'c1' });
    expect(await others.find(ORDER)).toBeUndefined();
    running.release();
    await settled();
    expect(await others.find(ID)).toEqual({ instance: 'a', callId: 'c1' });
    clock.advance(601_000);
    expect(await others.find(ID)).toBeUndefined();
  });

  it('leaves no name behind whichever ends first', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const [mine, others] = [new Owners('a', memory), new Owners('b', memory)];
    const ordered = mine.own('c1', [ORDER]);
    const running = mine.own('c1', []);
    await settled();
    running.release();
    ordered.release();
    await settled();
    mine.tellAgain();
    await settled();
    clock.advance(601_000);
    expect([await others.find(ID), await others.find(ORDER)]).toEqual([undefined, undefined]);
  });
});
