import { describe, expect, it } from 'vitest';
import { changeEntry } from '../../../src/memory/change.ts';
import { withDeadline } from '../../../src/memory/deadline.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { LocalLeases } from '../../../src/memory/local-leases.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, memoryThrough, shuffledMemory, silentMemory } from '../../fakes/memory.ts';

const MINUTE = 60_000;

describe('the map in this process', () => {
  it('has done its work when it returns, so that nobody waits for more than a microtask', async () => {
    const memory = new LocalMemory({ clock: new FakeClock() });
    const space = memory.space<number>({ name: 'a', most: 9 });
    const order: string[] = [];
    const put = space.put('k', 1, MINUTE).then(() => order.push('put'));
    const got = space.get('k').then((value) => order.push(`got ${value}`));
    queueMicrotask(() => order.push('a microtask'));
    await Promise.all([put, got]);
    await Promise.resolve();
    expect(order).toEqual(['put', 'got 1', 'a microtask']);
  });

  it('frees what has expired without being asked for it, a few entries at each change', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const space = memory.space<number>({ name: 'a', most: 10_000 });
    await space.put('long', 1, 100 * MINUTE);
    for (let i = 0; i < 1_000; i++) await space.put(`short ${i}`, i, MINUTE);
    clock.advance(MINUTE);
    for (let i = 0; i < 600; i++) await space.put('news', i, MINUTE);
    expect(memory.size('a')).toBe(2);
    expect(await space.get('long')).toBe(1);
  });
});

describe('the leases in this process', () => {
  it('are forgotten with their groups when they have ended, though nobody asks for those groups again', async () => {
    const clock = new FakeClock();
    const leases = new LocalLeases<number>(clock);
    for (let i = 0; i < 1_000; i++) await leases.take(`caller ${i}`, 'a', i, 1, MINUTE);
    clock.advance(MINUTE);
    for (let i = 0; i < 600; i++) await leases.take('again', `${i}`, i, 1_000, MINUTE);
    expect(leases.size).toBe(1);
    await leases.freeAll((await leases.members('again')).map(({ id }) => ({ group: 'again', id })));
    expect(leases.size).toBe(0);
  });
});

describe('a change of an entry that others change too', () => {
  const rig = (turn: () => Promise<unknown>) =>
    shuffledMemory(turn, new LocalMemory({ clock: new FakeClock() })).space<number>({ name: 'a', most: 9 });
  const later = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 2));

  it('loses none of them', async () => {
    const space = rig(later);
    const add = () => changeEntry(space, 'k', (n = 0) => ({ value: n + 1, ttlMs: MINUTE }));
    await Promise.all([add(), add(), add(), add(), add()]);
    expect(await space.get('k')).toBe(5);
    await Promise.all(
      [1, 2].map(() => changeEntry(space, 'k', (n = 0) => (n > 1 ? { value: n - 1, ttlMs: 9 } : 'forget'))),
    );
    expect(await space.get('k')).toBe(3);
  });

  it('may forget it, or leave it', async () => {
    const space = rig(later);
    await space.put('k', 7, MINUTE);
    expect(await changeEntry(space, 'k', () => undefined)).toBe(7);
    expect(await changeEntry(space, 'k', () => 'forget')).toBeUndefined();
    expect(await changeEntry(space, 'k', () => 'forget')).toBeUndefined();
    expect(await space.get('k')).toBeUndefined();
  });

  it('gives up where it never stays as it was read', async () => {
    const inner = new LocalMemory({ clock: new FakeClock() });
    let n = 0;
    const unsteady = memoryThrough(async (work) => {
      await inner.space<number>({ name: 'a', most: 9 }).put('k', n++, MINUTE);
      return work();
    }, inner);
    const change = changeEntry(unsteady.space<number>({ name: 'a', most: 9 }), 'k', () => ({ value: -1, ttlMs: 9 }));
    await expect(change).rejects.toMatchObject({ code: 'INTERNAL', retryable: true });
  });
});

describe('a deadline', () => {
  it('ends the wait for a memory that does not answer, and that is told once', async () => {
    const clock = new FakeClock();
    const failed: unknown[] = [];
    const memory = withDeadline(silentMemory(), { clock, ms: 500, failed: (error) => void failed.push(error) });
    const asked = [
      memory.space<number>({ name: 'a', most: 9 }).get('k'),
      memory.window({ name: 'b', ms: MINUTE }).take(1),
    ].map((one) => one.then(String, (error) => error.code));
    await clock.advanceAsync(499, 499);
    expect(failed).toEqual([]);
    await clock.advanceAsync(1);
    expect(await Promise.all(asked)).toEqual(['INTERNAL', 'INTERNAL']);
    expect(failed).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind where there is an answer, or a failure', async () => {
    const clock = new FakeClock();
    const failing = failingMemory();
    const space = withDeadline(failing.memory, { clock, ms: 500 }).space<number>({ name: 'a', most: 9 });
    await expect(space.get('k')).rejects.toThrow('the memory is gone');
    failing.fails = false;
    expect(await space.get('k')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});
