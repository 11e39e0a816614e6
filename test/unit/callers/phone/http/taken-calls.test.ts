import { describe, expect, it } from 'vitest';
import type { Said } from '../../../../../src/call/said.ts';
import type { PhoneCalls } from '../../../../../src/callers/phone/http/phone-calls.ts';
import { PreparedCalls } from '../../../../../src/callers/phone/http/prepared-calls.ts';
import { TakenCalls } from '../../../../../src/callers/phone/http/taken-calls.ts';
import type { Overrides } from '../../../../../src/dispatch.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';
import { member, Network } from '../../../fleet/rig.ts';

const said = (text: string): Said[] => [{ kind: 'message', role: 'agent', text }];
const incoming = {
  carrier: 'signalwire',
  carrierCallId: 'CA1',
  from: { kind: 'number', number: '+15550001111' },
  to: { kind: 'number', number: '+15550002222' },
  accountId: 'AC1',
  direction: 'inbound',
  params: {},
  custom: {},
} as const;

/** The call `c1`, prepared by `a`, whose stream comes to `b`. */
async function rig(at: { state: string; said?: Said[]; before?: Overrides['before'] }) {
  const clock = new FakeClock();
  const network = new Network();
  const memory = new LocalMemory({ clock });
  const [a, b] = [await member('a', { memory, network }), await member('b', { memory, network })];
  const moved: string[] = [];
  const begun: Overrides[] = [];
  const taken = (fleet: typeof a.fleet) => {
    const prepared = new PreparedCalls(memory, true);
    const calls = {
      get: () => at as never,
      moveTo: (id: string, to: string) => {
        moved.push(`${id} to ${to}`);
        // Its agent is gone, with what it knew.
        at.said = [];
        return true;
      },
    };
    const begin = async (_arrival: unknown, _incoming: unknown, overrides: Overrides) => {
      begun.push(overrides);
      return { ok: true };
    };
    const phone = { begin } as unknown as PhoneCalls;
    const intake = { takeOver: () => ({ free: () => {} }) as never };
    const kept = async () => said('what was kept');
    return {
      prepared,
      taken: new TakenCalls({ calls, phone, prepared, intake, fleet, said: kept, clock, log: fakeLog() }),
    };
  };
  const [first, second] = [taken(a.fleet), taken(b.fleet)];
  first.prepared.keep('c1', { by: 'a', incoming, overrides: { prompt: 'default', before: at.before } });
  first.prepared.publish('c1');
  await new Promise((resolve) => setImmediate(resolve));
  return { network, moved, begun, take: () => second.taken.take('c1') };
}

describe('a call whose stream comes to another instance than its webhook', () => {
  it('begins there where nobody has been on the line, whatever its agent has got ready', async () => {
    const { take, begun, moved } = await rig({ state: 'waiting', said: said('a greeting that nobody heard') });
    expect(await take()).toBe(true);
    expect(moved).toEqual(['c1 to b']);
    expect(begun).toEqual([{ prompt: 'default', before: undefined }]);
  });

  it('goes on there from what was said where it was held', async () => {
    const { take, begun } = await rig({ state: 'held', said: said('your table is for four') });
    expect(await take()).toBe(true);
    expect(begun[0]?.before).toEqual({ callId: 'c1', lives: 0, said: said('your table is for four') });
  });

  it('keeps what it was before that, and how many have had it', async () => {
    const before = { callId: 'c0', lives: 1, said: said('long ago') };
    const held = await rig({ state: 'held', said: said('now'), before });
    await held.take();
    expect(held.begun[0]?.before).toEqual({ callId: 'c0', lives: 1, said: said('now') });
    const waiting = await rig({ state: 'waiting', before });
    await waiting.take();
    expect(waiting.begun[0]?.before).toEqual(before);
  });

  it('goes on from what was kept last where its instance does not answer', async () => {
    const { take, begun, network } = await rig({ state: 'held', said: said('newer') });
    network.down.add('a.test');
    expect(await take()).toBe(true);
    expect(begun[0]?.before?.said).toEqual(said('what was kept'));
  });
});
