import { describe, expect, it } from 'vitest';
import { DialledStreams } from '../../../../../src/callers/phone/http/dialled-streams.ts';
import type { IncomingCall } from '../../../../../src/callers/phone/http/incoming-call.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import type { OutboundPlan } from '../../../../../src/orders/outbound-call.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeCaller } from '../../../../fakes/legs.ts';

const INCOMING: IncomingCall = {
  carrier: 'twilio',
  accountId: 'AC1',
  carrierCallId: 'CA1',
  direction: 'outbound',
  from: { kind: 'number', number: '+12025559999' },
  to: { kind: 'number', number: '+12025551111' },
  params: {},
  custom: {},
};
const LEG: OutboundPlan = { callId: 'leg-1', variables: {}, leg: { answers: 'call-1', at: 'here' } };
const line = () => Object.assign(new FakeCaller(), { carrierCallId: 'CA1' });

/** Two instances that share a memory; `here` waits for the stream. */
function two(plan: OutboundPlan | undefined) {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const passed: string[] = [];
  const looked: string[] = [];
  const instance = (self: string) =>
    new DialledStreams({
      memory,
      fleet: {
        self,
        isAlone: false,
        async ownerOf({ id }) {
          looked.push(id);
          return { instance: 'here', callId: id, reachable: true };
        },
      },
      claim: async () => plan,
      relay: {
        async pass(id, _leg, to) {
          passed.push(`${id} to ${to}`);
          return true;
        },
      },
    });
  return { here: instance('here'), there: instance('there'), passed, looked, clock };
}

describe('the streams of those who were called to answer', () => {
  it('are known by every instance once the webhook came, and nothing comes behind them', async () => {
    const { here, there } = two(LEG);
    expect(await there.brought(INCOMING, '+12025551111')).toEqual({ id: 'leg-1', at: 'here' });
    expect([await here.isOne(INCOMING), await there.isOne(INCOMING)]).toEqual([true, true]);
    expect(await here.isOne({ ...INCOMING, carrierCallId: 'CA2' })).toBe(false);
    expect(await here.brought({ ...INCOMING, direction: 'inbound' }, '+12025551111')).toBeUndefined();
  });

  it('are told as new by every instance for as long as their streams may take to come', async () => {
    const { here, there, clock } = two(LEG);
    expect(await here.isNew('leg-1')).toBe(false);
    await there.brought(INCOMING, '+12025551111');
    expect([await here.isNew('leg-1'), await there.isNew('leg-1')]).toEqual([true, true]);
    clock.advance(75_001);
    expect([await here.isNew('leg-1'), await there.isNew('leg-1')]).toEqual([false, false]);
    expect(await here.isOne(INCOMING)).toBe(true);
  });

  it('are given once to whoever waits, or passed on to where he does', async () => {
    const { here, there, passed } = two(LEG);
    await there.brought(INCOMING, '+12025551111');
    const taken: unknown[] = [];
    here.expect('leg-1', (leg) => void taken.push(leg));
    const first = line();
    expect(await there.join('leg-1', first)).toBe(true);
    expect(passed).toEqual(['leg-1 to here']);
    expect(await here.join('leg-1', first)).toBe(true);
    expect(taken).toEqual([first]);
    expect(await here.join('leg-1', line())).toBe(false);
    const unexpect = here.expect('leg-2', () => {});
    unexpect();
    expect(here.expects('leg-2')).toBe(false);
  });

  it('of other calls are nobody’s: not even whoever placed the order is asked', async () => {
    const { there, passed, looked } = two({ callId: 'call-9', variables: {} });
    expect(await there.brought(INCOMING, '+12025551111')).toBeUndefined();
    expect(await there.join('call-9', line())).toBe(false);
    expect([passed, looked]).toEqual([[], []]);
  });
});
