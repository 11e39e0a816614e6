import { describe, expect, it } from 'vitest';
import type { Asked, Fleet, Handler } from '../../../src/fleet/fleet.ts';
import type { CallView } from '../../../src/orders/calls-api-routes.ts';
import { callsOfAll } from '../../../src/orders/fleet-calls.ts';

const view = (id: string, minute: number, over: Partial<CallView> = {}): CallView => ({
  id,
  direction: 'inbound',
  status: 'in-progress',
  createdAt: new Date(minute * 60_000).toISOString(),
  ...over,
});

/** Instances that ask one another; those in `cut` do not answer. */
function fleet(...desks: CallView[][]) {
  const handlers = desks.map(() => new Map<string, Handler<unknown, unknown>>());
  const cut = new Set<number>();
  const ask = async (at: number, name: string, question: unknown): Promise<Asked<never>> => {
    const instance = `i${at}`;
    if (cut.has(at)) return { instance, error: new Error('unreachable') };
    const answer = await handlers[at]!.get(name)!(question, new AbortController().signal);
    return { instance, answer: JSON.parse(JSON.stringify(answer)) as never };
  };
  const all = desks.map((views, at) => {
    const member = {
      self: `i${at}`,
      isAlone: false,
      serve: (name: string, handler: Handler<unknown, unknown>) => void handlers[at]!.set(name, handler),
      askAll: (name: string, question: unknown) => Promise.all(desks.map((_, n) => ask(n, name, question))),
    } as unknown as Fleet;
    return callsOfAll({ list: () => views, find: (id) => views.find((one) => one.id === id) }, member);
  });
  return { all, cut };
}

describe('the calls of all instances', () => {
  it('are one list, the newest first, each said to be whose it is', async () => {
    const { all } = fleet([view('a', 3), view('b', 1)], [view('c', 2)]);
    const { calls, unreachable } = await all[1]!.list({ state: 'active', limit: 2 });
    expect(calls.map(({ id, instance }) => [id, instance])).toEqual([
      ['a', 'i0'],
      ['c', 'i1'],
    ]);
    expect(unreachable).toBeUndefined();
  });

  it('have each call once: as it goes on where two know of it', async () => {
    const ordered = view('a', 1, { status: 'completed', direction: 'outbound', endedAt: new Date(0).toISOString() });
    const { all } = fleet([ordered], [view('a', 1)]);
    expect((await all[0]!.list({ state: 'all', limit: 9 })).calls).toMatchObject([{ id: 'a', status: 'in-progress' }]);
    expect(await all[0]!.find('a')).toMatchObject({ status: 'in-progress', instance: 'i1' });
    expect(await all[0]!.find('nobody')).toBeUndefined();
  });

  it('say which instances did not answer', async () => {
    const { all, cut } = fleet([view('a', 1)], [view('b', 2)]);
    cut.add(1);
    expect(await all[0]!.list({ state: 'active', limit: 9 })).toMatchObject({
      calls: [{ id: 'a' }],
      unreachable: ['i1'],
    });
  });
});
