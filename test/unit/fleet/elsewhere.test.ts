import { describe, expect, it } from 'vitest';
import type { TerminateEvent } from '../../../src/callers/whatsapp/events.ts';
import { Claims } from '../../../src/callers/whatsapp/http/claims.ts';
import { MetaElsewhere } from '../../../src/callers/whatsapp/http/elsewhere.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { type OrderNews, OrdersElsewhere } from '../../../src/orders/order-news.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { type Member, member, Network } from './rig.ts';

const turn = async () => {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
};

async function two() {
  const network = new Network();
  const memory = new LocalMemory({ clock: new FakeClock() });
  const [a, b] = [await member('a', { memory, network }), await member('b', { memory, network })];
  return { network, memory, a, b };
}

describe('orders whose carriers come to another instance', () => {
  it('are told to the one that placed them, again where it does not answer, and not once they are over', async () => {
    const { network, a, b } = await two();
    const told: OrderNews[] = [];
    const orders = new OrdersElsewhere(a.fleet, a.clock, (news) => told.push(news));
    const other = new OrdersElsewhere(b.fleet, b.clock, () => {});
    orders.placed('o1');
    await turn();
    network.down.add('a.test');
    other.tell({ callId: 'o1', claimed: true });
    await turn();
    expect(told).toEqual([]);
    network.down.clear();
    b.clock.advance(1_000);
    await turn();
    other.tell({ callId: 'o1', status: 'completed', answeredBy: 'human' });
    other.tell({ callId: 'unknown', claimed: true });
    await turn();
    expect(told).toEqual([
      { callId: 'o1', claimed: true },
      { callId: 'o1', status: 'completed', answeredBy: 'human' },
    ]);
    // Whoever asks for the call is to ask where its conversation is, and for the order where it was placed.
    b.fleet.own('o1', []);
    await turn();
    expect(await a.fleet.ownerOf({ kind: 'call', id: 'o1' })).toMatchObject({ instance: 'b' });
    expect(await b.fleet.ownerOf({ kind: 'order', id: 'o1' })).toMatchObject({ instance: 'a' });
  });
});

describe('what Meta tells another instance of a call', () => {
  const terminate = (id: string, opaque?: string): TerminateEvent => ({
    type: 'terminate',
    phoneNumberId: '1',
    displayNumber: '',
    id,
    opaque,
    direction: undefined,
    status: 'COMPLETED',
    seconds: 1,
    errors: [],
  });
  const quiet = { warn: () => {} };
  const meta = (memory: LocalMemory, { fleet, clock }: Member) => {
    const taken: string[] = [];
    const claims = new Claims({ memory, instance: fleet.self, log: quiet });
    const elsewhere = new MetaElsewhere({ fleet, claims, clock, log: quiet, take: ({ id }) => void taken.push(id) });
    return { taken, claims, elsewhere };
  };

  it('goes to the one that took the call on', async () => {
    const { memory, a, b } = await two();
    const [one, other] = [meta(memory, a), meta(memory, b)];
    expect(await one.claims.claim('wacid.1')).toBe('mine');
    await other.elsewhere.tell(terminate('wacid.1'));
    // Its own it has seen to itself.
    await one.elsewhere.tell(terminate('wacid.1'));
    expect([one.taken, other.taken]).toEqual([['wacid.1'], []]);
  });

  it('goes to the one that places the call, though Meta was quicker than its own answer', async () => {
    const { memory, a, b } = await two();
    const [one, other] = [meta(memory, a), meta(memory, b)];
    const told = other.elsewhere.tell(terminate('wacid.2'));
    await turn();
    expect(one.taken).toEqual([]);
    one.elsewhere.placed('wacid.2', 'o2');
    await turn();
    b.clock.advance(200);
    await told;
    await turn();
    expect(one.taken).toEqual(['wacid.2']);
    // By what the call was given with it, before its id is known.
    new OrdersElsewhere(a.fleet, a.clock, () => {}).placed('o3');
    await turn();
    await other.elsewhere.tell(terminate('wacid.3', 'o3'));
    expect(one.taken).toEqual(['wacid.2', 'wacid.3']);
  });
});
