import { describe, expect, it } from 'vitest';
import { delay } from '../../../src/call/clock.ts';
import { FallbackMemory } from '../../../src/memory/fallback.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { MemoryLeases } from '../../../src/memory/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, memoryThrough, sharedMemory } from '../../fakes/memory.ts';

const MINUTE = 60_000;

function rig() {
  const clock = new FakeClock();
  const shared = sharedMemory(clock);
  const logged: string[] = [];
  const log = {
    warn: (_: object, message: string) => void logged.push(message),
    info: (_: object, message: string) => void logged.push(message),
  };
  const memory = new FallbackMemory({ shared: shared.memory, own: new LocalMemory({ clock }), clock, log });
  const states: string[] = [];
  memory.onState((state) => states.push(state));
  const space = <T>(from = memory as Pick<FallbackMemory, 'space'>) => from.space<T>({ name: 'words', most: 3 });
  /** It is there again, and has been told of everything. */
  const back = async () => {
    shared.back();
    for (let i = 0; i < 200 && memory.state === 'away'; i++) await Promise.resolve();
  };
  return { clock, shared, memory, states, logged, space, back };
}

describe('a shared memory that is away', () => {
  it('is done without: what this process put before is still there, and can be taken once', async () => {
    const { memory, shared, space, states } = rig();
    await space().put('mine', 'one', MINUTE);
    await shared.theirs.space<string>({ name: 'words', most: 3 }).put('theirs', 'two', MINUTE);
    shared.gone();
    expect([memory.state, states]).toEqual(['away', ['away']]);
    expect([await space().get('mine'), await space().get('theirs')]).toEqual(['one', undefined]);
    expect([await space().take('mine'), await space().take('mine')]).toEqual(['one', undefined]);
    expect(await space().putIfAbsent('new', 'three', MINUTE)).toEqual({ put: true });
  });

  it('is told afterwards of all that was done without it, so that nothing of it can be done again', async () => {
    const { shared, space, states, clock, back } = rig();
    for (const key of ['taken', 'deleted', 'changed', 'longer']) await space().put(key, `was ${key}`, MINUTE);
    const theirs = shared.theirs.space<string>({ name: 'words', most: 9 });
    // The map gives way at three: put again what the own one has lost.
    for (const key of ['taken', 'deleted', 'changed']) await space().put(key, `was ${key}`, MINUTE);
    shared.gone();
    await space().take('taken');
    await space().delete('deleted', 'was deleted');
    await space().replace('changed', 'was changed', 'is changed', 2 * MINUTE);
    expect(await theirs.get('taken')).toBe('was taken');
    clock.advance(1_000);
    await back();
    expect(states).toEqual(['away', 'here']);
    expect([await theirs.get('taken'), await theirs.get('deleted'), await theirs.get('changed')]).toEqual([
      undefined,
      undefined,
      'is changed',
    ]);
    // For what was left of its time.
    clock.advance(2 * MINUTE - 1_000);
    expect(await theirs.get('changed')).toBeUndefined();
  });

  it('is asked again only when it knows all that is owed, and what comes to be owed meanwhile too', async () => {
    const { memory, shared, space, clock } = rig();
    shared.gone();
    await space().put('a', 'one', MINUTE);
    shared.back();
    const late = space().put('b', 'two', MINUTE);
    expect(memory.state).toBe('away');
    await late;
    await clock.advanceAsync(1_000);
    expect(memory.state).toBe('here');
    const theirs = space<string>(shared.theirs as never);
    expect([await theirs.get('a'), await theirs.get('b')]).toEqual(['one', 'two']);
  });

  it('is tried again where it fails while it is told', async () => {
    const { memory, shared, space, clock } = rig();
    shared.gone();
    await space().put('a', 'one', MINUTE);
    shared.fail('before');
    shared.back();
    await clock.advanceAsync(1);
    expect(memory.state).toBe('away');
    await clock.advanceAsync(500, 500);
    expect(memory.state).toBe('here');
    expect(await space<string>(shared.theirs as never).get('a')).toBe('one');
  });

  it('counts as away from the first failure on, which costs nobody anything', async () => {
    const { memory, shared, space, clock, logged } = rig();
    await space().put('k', 'one', MINUTE);
    shared.fail('after');
    // Nobody knows whether it was taken there; it was not taken twice.
    expect([await space().take('k'), await space().take('k'), memory.state]).toEqual(['one', undefined, 'away']);
    expect(logged).toEqual(['the shared memory fails']);
    await clock.advanceAsync(500, 500);
    expect([memory.state, await space<string>(shared.theirs as never).get('k')]).toEqual(['here', undefined]);
  });

  it('is told of much at once, so that it is back soon though each answer takes a while and more comes to be owed', async () => {
    const { clock, shared } = rig();
    const far = memoryThrough(async (asked) => {
      await delay(clock, 10);
      return asked();
    }, shared.memory);
    const log = { warn() {}, info() {} };
    const memory = new FallbackMemory({ shared: far, own: new LocalMemory({ clock }), clock, log });
    const words = memory.space<number>({ name: 'words', most: 9_000 });
    shared.gone();
    for (let n = 0; n < 1_000; n++) await words.put(`call ${n}`, n, MINUTE);
    shared.back();
    // Two hundred of these calls have something to tell each second.
    for (let at = 0; at < 25; at++) {
      if (memory.state === 'away') for (let n = 0; n < 8; n++) await words.put(`call ${8 * at + n}`, at, MINUTE);
      await clock.advanceAsync(40, 10);
    }
    expect(memory.state).toBe('here');
    const theirs = shared.theirs.space<number>({ name: 'words', most: 9_000 });
    expect([await theirs.get('call 999'), (await theirs.get('call 0')) !== undefined]).toEqual([999, true]);
  });

  it('leaves no older copy behind of what somebody else changed or took, where it was seen', async () => {
    const { shared, space } = rig();
    const theirs = space<string>(shared.theirs as never);
    await space().put('k', 'one', MINUTE);
    await theirs.take('k');
    await space().get('k');
    await space().put('r', 'one', MINUTE);
    await theirs.put('r', 'theirs', MINUTE);
    expect(await space().replace('r', 'one', 'two', MINUTE)).toBe(false);
    shared.gone();
    expect([await space().get('k'), await space().get('r')]).toEqual([undefined, undefined]);
  });

  it('takes up the leases that live here, though it has forgotten them all, and none that is over', async () => {
    const { memory, shared, back } = rig();
    const leases = memory.leases<string>({ name: 'calls' });
    await leases.takeAll(
      [
        { group: 'all', id: 'a', value: 'one', most: 2 },
        { group: 'all', id: 'b', value: 'two', most: 2 },
      ],
      MINUTE,
    );
    shared.gone();
    expect(await leases.take('all', 'c', 'three', 2, MINUTE)).toBe(false);
    await leases.free('all', 'a');
    expect(await leases.take('all', 'c', 'three', 2, MINUTE)).toBe(true);
    shared.forget();
    await back();
    const members = await shared.theirs.leases<string>({ name: 'calls' }).members('all');
    expect(members.toSorted((one, other) => one.id.localeCompare(other.id))).toEqual([
      { id: 'b', value: 'two' },
      { id: 'c', value: 'three' },
    ]);
  });

  it('is not told of what was freed so long ago that it has ended there: an hour without it leaves nothing behind', async () => {
    const { clock, shared } = rig();
    const freed: string[] = [];
    const told = {
      ...shared.memory,
      get state() {
        return shared.memory.state;
      },
      leases: <T>(options: { name: string }) => {
        const leases = shared.memory.leases<T>(options);
        const freeAll = async (all: ReadonlyArray<{ id: string }>) => void freed.push(...all.map(({ id }) => id));
        return { takeAll: leases.takeAll, renewAll: leases.renewAll, freeAll } as unknown as MemoryLeases<T>;
      },
    };
    const log = { warn() {}, info() {} };
    const memory = new FallbackMemory({ shared: told, own: new LocalMemory({ clock }), clock, log });
    const leases = memory.leases<string>({ name: 'calls' });
    shared.gone();
    for (let n = 0; n < 360; n++) {
      await leases.take('all', `call ${n}`, 'here', 9, 30_000);
      await leases.free('all', `call ${n}`);
      clock.advance(10_000);
    }
    shared.back();
    for (let i = 0; i < 200 && memory.state === 'away'; i++) await Promise.resolve();
    expect(memory.state).toBe('here');
    expect(freed).toEqual(['call 358', 'call 359']);
  });

  it('frees there what was freed here alone', async () => {
    const { memory, shared, back } = rig();
    const leases = memory.leases<string>({ name: 'calls' });
    await leases.take('all', 'a', 'one', 1, MINUTE);
    shared.gone();
    await leases.free('all', 'a');
    await back();
    expect(await leases.take('all', 'b', 'two', 1, MINUTE)).toBe(true);
  });

  it('counts the uses of a limit that were granted without it, and gives those back that came to nothing', async () => {
    const { memory, shared, back } = rig();
    const mine = memory.window({ name: 'hour', ms: 60 * MINUTE });
    const theirs = () => shared.theirs.window({ name: 'hour', ms: 60 * MINUTE });
    const [before] = [await mine.take(3)];
    shared.gone();
    const [without, over] = [await mine.take(3), await mine.take(3)];
    expect([without.ok, over.ok, (await mine.take(3)).ok]).toEqual([true, true, false]);
    if (!before.ok || !over.ok || !without.ok) throw new Error('refused');
    await mine.giveBack(before.use);
    await mine.giveBack(over.use);
    await back();
    // Of the three one is left, which was granted without it.
    expect([(await theirs().take(2)).ok, (await theirs().take(2)).ok]).toEqual([true, false]);
    await mine.giveBack(without.use);
    await mine.giveBack(without.use);
    expect([(await theirs().take(2)).ok, (await theirs().take(2)).ok]).toEqual([true, false]);
  });

  it('takes up the uses of a limit that still count, each for what is left of its time, though it has forgotten them', async () => {
    const { memory, shared, back, clock } = rig();
    const mine = memory.window({ name: 'hour', ms: 60 * MINUTE });
    const [first, second] = [await mine.take(3), await mine.take(3)];
    clock.advance(20 * MINUTE);
    await mine.take(3);
    if (!first.ok || !second.ok) throw new Error('refused');
    shared.gone();
    await mine.giveBack(second.use);
    shared.forget();
    shared.fail('before');
    await back();
    await clock.advanceAsync(500, 500);
    expect(memory.state).toBe('here');
    const theirs = shared.theirs.window({ name: 'hour', ms: 60 * MINUTE });
    expect(await theirs.take(2)).toEqual({ ok: false, retryAfterMs: 40 * MINUTE - 500 });
    clock.advance(40 * MINUTE);
    expect([(await theirs.take(2)).ok, (await theirs.take(2)).ok]).toEqual([true, false]);
  });

  it('counts no use twice where it has forgotten none', async () => {
    const { memory, shared, back } = rig();
    const mine = memory.window({ name: 'hour', ms: 60 * MINUTE });
    const taken = await mine.take(2);
    shared.gone();
    await back();
    const theirs = shared.theirs.window({ name: 'hour', ms: 60 * MINUTE });
    expect([(await theirs.take(2)).ok, (await theirs.take(2)).ok]).toEqual([true, false]);
    if (taken.ok) await mine.giveBack(taken.use);
    expect([(await theirs.take(2)).ok, (await theirs.take(2)).ok]).toEqual([true, false]);
  });

  it('has news of this process heard here', async () => {
    const { memory, shared, back } = rig();
    const heard: string[] = [];
    const end = memory.channel({ name: 'news' }).subscribe((text) => heard.push(text));
    const tell = async (text: string) => {
      memory.channel({ name: 'news' }).publish(text);
      await Promise.resolve();
    };
    await tell('one');
    shared.gone();
    await tell('two');
    await back();
    await tell('three');
    end();
    await tell('four');
    expect(heard).toEqual(['one', 'two', 'three']);
  });

  it('is used on where what the process has by itself fails, as one that another process holds: what was done there counts', async () => {
    const { clock, shared } = rig();
    const own = failingMemory(new LocalMemory({ clock }));
    own.fails = false;
    const logged: string[] = [];
    const log = { warn: (_: object, message: string) => void logged.push(message), info() {} };
    const memory = new FallbackMemory({ shared: shared.memory, own: own.memory, clock, log });
    const words = memory.space<string>({ name: 'words', most: 9 });
    const hour = memory.window({ name: 'hour', ms: 60 * MINUTE });
    await words.put('k', 'one', MINUTE);
    own.fails = true;
    expect([await words.take('k'), await words.take('k')]).toEqual(['one', undefined]);
    expect(await words.putIfAbsent('new', 'two', MINUTE)).toEqual({ put: true });
    const taken = await hour.take(1);
    if (!taken.ok) throw new Error('refused');
    expect((await hour.take(1)).ok).toBe(false);
    await hour.giveBack(taken.use);
    expect((await hour.take(1)).ok).toBe(true);
    expect([memory.state, logged]).toEqual(['here', ['what this process remembers by itself fails']]);
  });

  it('leaves nothing to do behind when it is closed', async () => {
    const { memory, shared, clock } = rig();
    shared.gone();
    await memory.close();
    expect(clock.pending).toBe(0);
    shared.back();
    expect([memory.state, clock.pending]).toEqual(['away', 0]);
  });

  it('says again that it is here where news may have been missed', () => {
    const { shared, states } = rig();
    shared.back();
    expect(states).toEqual(['here']);
  });
});
