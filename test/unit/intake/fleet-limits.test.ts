import { describe, expect, it } from 'vitest';
import { WITHHELD } from '../../../src/call/party.ts';
import type { CallFacts } from '../../../src/dispatch.ts';
import { FleetLimits, type FleetMost, type FleetPlace } from '../../../src/intake/fleet-limits.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { failingMemory } from '../../fakes/memory.ts';

const number = (of: string) => ({ kind: 'number', number: of }) as const;
const FACTS: CallFacts = {
  carrier: 'somewhere',
  direction: 'inbound',
  from: number('+15550001111'),
  to: number('+15550002222'),
  accountId: 'AC1',
};

function rig(most: FleetMost, memory?: ProcessMemory) {
  const clock = new FakeClock();
  const log = fakeLog();
  const shared = memory ?? new LocalMemory({ clock });
  const instance = (name: string) =>
    new FleetLimits({ leases: shared.leases({ name: 'places' }), instance: name, most, clock, log });
  const members = async (group: string) =>
    (await shared.leases<string>({ name: 'places' }).members(group)).map(({ id, value }) => `${id}@${value}`).sort();
  return { clock, log, here: instance('here'), there: instance('there'), members };
}

const free = (place: FleetPlace | string) => (typeof place === 'string' ? undefined : place.free());

describe('the limits of a fleet', () => {
  it('hold over all instances, and are free again with the call', async () => {
    const { here, there, members } = rig({ calls: 2 });
    const first = await here.take('a', FACTS);
    await there.take('b', FACTS);
    expect([await here.take('c', FACTS), await there.take('d', FACTS)]).toEqual(['fleet', 'fleet']);
    expect(await members('fleet ')).toEqual(['a@here', 'b@there']);
    free(first);
    free(first);
    expect(await there.take('c', FACTS)).toMatchObject({ free: expect.any(Function) });
  });

  it('are of the number that was called, of the caller and of the account, each by itself', async () => {
    const { here, there } = rig({ number: 1, caller: 2, account: 3 });
    const to = (of: string) => ({ to: number(of) });
    const from = (of: string) => ({ from: number(of) });
    await here.take('a', FACTS);
    expect(await there.take('b', { ...FACTS, ...from('+15550003333') })).toBe('number');
    await there.take('c', { ...FACTS, ...to('+15550004444') });
    expect(await here.take('d', { ...FACTS, ...to('+15550005555') })).toBe('caller');
    await here.take('e', { ...FACTS, ...from('+15550003333'), ...to('+15550005555') });
    expect(await there.take('f', { ...FACTS, ...from('+15550006666'), ...to('+15550007777') })).toBe('account');
    const elsewhere = { ...FACTS, ...from('+15550006666'), ...to('+15550007777'), accountId: 'AC2' };
    expect(await there.take('g', elsewhere)).toMatchObject({ free: expect.any(Function) });
  });

  it('take nobody who withholds his number for another, and refuse no call that we placed', async () => {
    const { here, members } = rig({ caller: 1, calls: 1 });
    const one = await here.take('a', { ...FACTS, from: WITHHELD });
    free(one);
    free(await here.take('b', { ...FACTS, from: WITHHELD }));
    await here.take('c', FACTS);
    expect(await here.take('d', { ...FACTS, direction: 'outbound' })).toMatchObject({ free: expect.any(Function) });
    expect(await members('fleet ')).toEqual(['c@here', 'd@here']);
  });

  it('refuse no caller whom another instance admitted, and count him once, whatever the dead one still holds', async () => {
    const { here, there, members, clock } = rig({ calls: 1, caller: 1 });
    await here.take('a', FACTS);
    here.close();
    const again = await there.take('b', FACTS, { from: 'a' });
    expect(await members('fleet ')).toEqual(['b@there']);
    await clock.advanceAsync(60_000, 1_000);
    expect(await members('fleet ')).toEqual(['b@there']);
    free(again);
    expect(await members('fleet ')).toEqual([]);
  });

  it('go on counting a call that another instance has taken on under the same id', async () => {
    const { here, there, members } = rig({ calls: 1 });
    const first = await here.take('a', FACTS);
    const second = await there.take('a', FACTS, {});
    if (typeof first !== 'string') first.leave();
    free(first);
    expect(await members('fleet ')).toEqual(['a@there']);
    free(second);
    expect(await members('fleet ')).toEqual([]);
  });

  it('count a call for as long as it goes on, and 30 s more where its instance died', async () => {
    const { here, there, clock } = rig({ calls: 1 });
    await here.take('a', FACTS);
    await clock.advanceAsync(120_000, 1_000);
    expect(await there.take('b', FACTS)).toBe('fleet');
    here.close();
    await clock.advanceAsync(29_000, 1_000);
    expect(await there.take('b', FACTS)).toBe('fleet');
    await clock.advanceAsync(1_000, 1_000);
    const place = await there.take('b', FACTS);
    free(place);
    await clock.advanceAsync(10_000, 1_000);
    expect(clock.pending).toBe(0);
  });

  it('take a call that cannot be counted, and count it as soon as it can be', async () => {
    const clock = new FakeClock();
    const inner = new LocalMemory({ clock });
    const failing = failingMemory(inner);
    const { here, log, members, clock: time } = rig({ calls: 1 }, failing.memory);
    expect(await here.take('a', FACTS)).toMatchObject({ free: expect.any(Function) });
    expect(log.lines.map(({ message }) => message)).toEqual(['a call cannot be counted for the limits of the fleet']);
    failing.fails = false;
    await time.advanceAsync(10_000, 1_000);
    expect(await members('fleet ')).toEqual(['a@here']);
  });

  it('ask the memory nothing where there are none', async () => {
    const { here } = rig({}, failingMemory().memory);
    expect(await here.take('a', FACTS)).toMatchObject({ free: expect.any(Function) });
  });
});
