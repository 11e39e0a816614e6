import { describe, expect, it } from 'vitest';
import type { Instance } from '../../../src/fleet/fleet.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { sharedMemory } from '../../fakes/memory.ts';
import { type MemberOptions, member, Network } from './rig.ts';

/** Lets answers of the network come, which need turns of the event loop, while time goes on. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    clock.advance(Math.min(1_000, left));
    for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Instances on one clock, each of which has a hand in what is asked of it. */
function fleetOf() {
  const network = new Network();
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const asked: string[] = [];
  return {
    network,
    clock,
    asked,
    /** What is told of an instance that is none of these. */
    tell: (id: string, more: Partial<Instance>) =>
      memory
        .leases<Instance>({ name: 'instances' })
        .renew('all', id, { id, calls: 0, maxCalls: 1, draining: false, startedAt: 0, ...more }, 30_000),
    async add(self: string, options: Partial<MemberOptions> = {}) {
      const errors: string[] = [];
      const warnings: string[] = [];
      const made = await member(self, { memory, network, clock, errors, warnings, ...options });
      made.fleet.serve('hang up', async () => void asked.push(options.at ?? self));
      return { ...made, errors, warnings };
    },
  };
}
const order = { withinMs: 1_000 };
const COPIED = { url: 'http://a.test' };

describe('two instances that tell one address', () => {
  it('find it where the copy reaches the other: it tells no address then, nothing is carried out by the wrong one, and all is well when it is mended', async () => {
    const { network, clock, asked, add } = fleetOf();
    const a = await add('a');
    const other = await add('c');
    const b = await add('b', { ...COPIED, at: 'b.test' });
    await pass(clock, 5_000);
    expect(b.errors).toHaveLength(1);
    expect(b.errors[0]).toContain("instance a answers at http://a.test, which is told to be this one's");
    expect(b.errors[0]).toContain("own machine's address as INSTANCE_URL");
    expect(b.fleet.problem).toContain('instance a answers');
    expect([a.errors, a.fleet.problem]).toEqual([[], undefined]);
    await pass(clock, 2_000);
    await expect(other.fleet.ask('b', 'hang up', {}, order)).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
      message: expect.stringContaining('told no address'),
    });
    await other.fleet.ask('a', 'hang up', {}, order);
    expect(asked).toEqual(['a']);
    // The first one is told another address.
    network.leads = (host) => (host === 'a.test' ? 'b.test' : host);
    await pass(clock, 20_000);
    expect(b.fleet.problem).toBeUndefined();
    await other.fleet.ask('b', 'hang up', {}, order);
    expect(asked).toEqual(['a', 'b.test']);
    expect(b.errors).toHaveLength(1);
  });

  it('find it where each reaches itself there, as containers of two machines with the same numbers', async () => {
    const { network, clock, asked, add } = fleetOf();
    const a = await add('a');
    const b = await add('b', { ...COPIED, at: 'b.test' });
    // From the second one the address leads to itself.
    network.leads = (host, from) => (from === 'b' && host === 'a.test' ? 'b.test' : host);
    await pass(clock, 20_000);
    // Not at once: one that died is known for as long as its lease, and its successor has its address.
    expect([a.fleet.problem, b.fleet.problem]).toEqual([undefined, undefined]);
    await pass(clock, 100_000);
    expect(a.fleet.problem).toContain(
      'instance b tells the address of this one, http://a.test, and is not reached there',
    );
    expect(b.fleet.problem).toContain('instance a tells the address of this one');
    await expect(a.fleet.ask('b', 'hang up', {}, order)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    await expect(b.fleet.ask('a', 'hang up', {}, order)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(asked).toEqual([]);
  });

  it('are no fault where whoever listens there gives each what is its own, or where one has died', async () => {
    const { network, clock, asked, add, tell } = fleetOf();
    const a = await add('a', { url: 'http://machine.test', at: 'a.test' });
    const b = await add('b', { url: 'http://machine.test', at: 'b.test' });
    network.leads = (host, _, instance) => (host === 'machine.test' ? `${instance}.test` : host);
    await pass(clock, 120_000);
    expect([a.fleet.problem, b.fleet.problem]).toEqual([undefined, undefined]);
    await a.fleet.ask('b', 'hang up', {}, order);
    expect(asked).toEqual(['b.test']);
    // It dies without a word, and its successor has its address.
    network.down.add('b.test');
    await b.fleet.close();
    await tell(b.fleet.self, { url: 'http://machine.test' });
    await pass(clock, 120_000);
    expect([a.errors, a.fleet.problem]).toEqual([[], undefined]);
  });
});

describe('processes of one machine, of which one ends while the memory is away', () => {
  it('are no fault: that it is gone is not known until the memory is back', async () => {
    const network = new Network();
    const clock = new FakeClock();
    const shared = sharedMemory(clock);
    const errors: string[] = [];
    const own = { url: 'http://machine.test', memory: shared.memory, network, clock, errors };
    network.leads = (_host, _from, instance) =>
      instance === 'b' && network.down.has('b.test') ? 'a.test' : `${instance}.test`;
    const a = await member('a', { ...own, at: 'a.test' });
    const b = await member('b', { ...own, at: 'b.test' });
    await pass(clock, 20_000);
    shared.gone();
    await b.fleet.close();
    network.down.add('b.test');
    await pass(clock, 120_000);
    expect([errors, a.fleet.problem]).toEqual([[], undefined]);
    shared.back();
    await pass(clock, 120_000);
    expect([errors, a.fleet.problem]).toEqual([[], undefined]);
    expect((await a.fleet.instances()).map(({ id }) => id)).toEqual(['a']);
  });
});

describe('an instance that nobody reaches where it says', () => {
  it('says so, once, when it has looked some times, and has its address told all the same', async () => {
    const { network, clock, add } = fleetOf();
    network.down.add('a.test');
    const a = await add('a');
    await pass(clock, 30_000);
    expect(a.warnings).toEqual([]);
    await pass(clock, 200_000);
    expect(a.warnings).toHaveLength(1);
    expect(a.warnings[0]).toContain('http://a.test');
    expect([a.errors, a.fleet.problem]).toEqual([[], undefined]);
    expect((await a.fleet.instances())[0]).toMatchObject({ url: 'http://a.test' });
  });
});

describe('two instances that have one id', () => {
  it('are not: the second does not begin', async () => {
    const { add } = fleetOf();
    await add('a');
    await expect(add('a', { at: 'other.test', boot: 'another' })).rejects.toMatchObject({ code: 'INSTANCE_TAKEN' });
  });

  it('say so where one is a copy of the other while it ran, and neither does what is asked of the other', async () => {
    const { clock, asked, add, tell } = fleetOf();
    const a = await add('a');
    // A machine that is copied while it runs goes on with what it has in its memory, and tells of itself.
    await tell('a', { url: 'http://a.test', boot: 'copy' });
    const c = await add('c');
    await expect(c.fleet.ask('a', 'hang up', {}, order)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(asked).toEqual([]);
    await pass(clock, 10_000);
    expect(a.errors).toHaveLength(1);
    expect(a.errors[0]).toContain('TWO INSTANCES HAVE ONE ID');
    expect(a.fleet.problem).toContain('Start this one anew');
    // It is gone, and the first one has told of itself again.
    await pass(clock, 11_000);
    await c.fleet.ask('a', 'hang up', {}, order);
    expect(asked).toEqual(['a']);
    await pass(clock, 40_000);
    expect(a.fleet.problem).toBeUndefined();
  });
});
