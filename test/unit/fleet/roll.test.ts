import { describe, expect, it } from 'vitest';
import type { Instance } from '../../../src/fleet/fleet.ts';
import { Roll } from '../../../src/fleet/roll.ts';
import { LocalLeases } from '../../../src/memory/local-leases.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

const instance = (id: string): Instance => ({
  id,
  url: `http://${id}.test`,
  calls: 0,
  maxCalls: 10,
  draining: false,
  startedAt: 0,
});

/** An instance `a` beside others that have leases, whose memory can forget all of them. */
async function rig(isAway = false) {
  const clock = new FakeClock();
  let leases = new LocalLeases<Instance>(clock);
  let reads = 0;
  const roll = new Roll({
    leases: {
      take: (...asked) => leases.take(...asked),
      takeAll: (...asked) => leases.takeAll(...asked),
      renew: (...asked) => leases.renew(...asked),
      renewAll: (...asked) => leases.renewAll(...asked),
      free: (...asked) => leases.free(...asked),
      freeAll: (...asked) => leases.freeAll(...asked),
      members: (group) => {
        reads++;
        return leases.members(group);
      },
    },
    clock,
    log: fakeLog(),
    isAway,
    me: () => instance('a'),
    renewed: () => {},
  });
  const tell = (id: string) => leases.renew('all', id, instance(id), 30_000);
  await tell('b');
  await roll.begin();
  return {
    clock,
    roll,
    tell,
    leave: (id: string) => leases.free('all', id),
    forget: () => {
      leases = new LocalLeases<Instance>(clock);
    },
    reads: () => reads,
    ids: async () => (await roll.all()).map(({ id }) => id),
  };
}

describe('the list of instances', () => {
  it('is read once in a second, however often it is asked for, and not at all for one that is known', async () => {
    const { clock, roll, ids, reads } = await rig();
    const before = reads();
    await clock.advanceAsync(999, 999);
    for (let time = 0; time < 9; time++) expect(await ids()).toEqual(['a', 'b']);
    expect(reads()).toBe(before);
    await clock.advanceAsync(1, 1);
    await ids();
    expect(reads()).toBe(before + 1);
    await clock.advanceAsync(5_000, 5_000);
    expect((await roll.find('b'))?.id).toBe('b');
    expect(reads()).toBe(before + 1);
  });

  it('has whoever came a second ago', async () => {
    const { clock, ids, tell } = await rig();
    await tell('c');
    await clock.advanceAsync(1_000, 1_000);
    expect(await ids()).toEqual(['a', 'b', 'c']);
  });

  it('keeps those that lived before the memory went away, while it is and until they can have told it again', async () => {
    const { clock, roll, forget, ids, tell } = await rig();
    roll.away();
    // Meanwhile what is read is what this process knows of itself alone.
    forget();
    await clock.advanceAsync(20_000, 1_000);
    expect(await ids()).toEqual(['a', 'b']);
    expect((await roll.find('b'))?.url).toBe('http://b.test');
    await roll.back();
    expect(await ids()).toEqual(['a', 'b']);
    await tell('b');
    await clock.advanceAsync(29_000, 1_000);
    await tell('b');
    await clock.advanceAsync(2_000, 1_000);
    expect(await ids()).toEqual(['a', 'b']);
  });

  it('forgets one that does not come back with the memory within the time of a lease', async () => {
    const { clock, roll, forget, ids } = await rig();
    roll.away();
    forget();
    await roll.back();
    await clock.advanceAsync(29_000, 1_000);
    expect(await ids()).toEqual(['a', 'b']);
    await clock.advanceAsync(1_001, 1_001);
    expect(await ids()).toEqual(['a']);
    expect(await roll.find('b')).toBeUndefined();
  });

  it('does not keep one that left while the memory was here', async () => {
    const { clock, leave, ids } = await rig();
    await leave('b');
    await clock.advanceAsync(10_000, 1_000);
    expect(await ids()).toEqual(['a']);
  });

  it('begins with the memory away, and sees the others when it is there', async () => {
    const { roll, ids } = await rig(true);
    expect(await ids()).toEqual(['a']);
    await roll.back();
    expect(await ids()).toEqual(['a', 'b']);
  });
});
