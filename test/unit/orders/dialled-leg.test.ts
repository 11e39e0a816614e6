import { describe, expect, it } from 'vitest';
import { ControlError } from '../../../src/callers/phone/control/index.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { phoneOrders } from '../../fakes/phone-orders.ts';

const ORDER = { to: '+15550001111', machineDetection: 'off', timeoutSeconds: 30 } as const;

/** Somebody is called to answer a call; what his carrier answers is up to the test. */
function calling() {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const answer = Promise.withResolvers<string>();
  answer.promise.catch(() => {});
  const hungUp: string[] = [];
  const carrier = { dial: () => answer.promise, hangup: async (id: string) => void hungUp.push(id) };
  const outbound = phoneOrders(memory, clock, carrier, 'https://voice.example.com');
  let id = '';
  const placing = outbound
    .placeLeg(ORDER, {
      answers: 'call-1',
      begun: (one) => {
        id = one;
      },
      news: () => {},
    })
    .catch((error: unknown) => error);
  const settle = async () => {
    for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return { clock, memory, answer, hungUp, outbound, placing, settle, id: () => id };
}

describe('somebody who is called to answer, and is not wanted any more before his carrier has said which call that is,', () => {
  it('is hung up on when it has said so, once', async () => {
    const one = calling();
    await one.settle();
    await one.outbound.endLeg(one.id());
    expect(one.hungUp).toEqual([]);
    one.answer.resolve('CA1');
    await one.placing;
    await one.outbound.endLeg(one.id());
    await one.outbound.endLeg(one.id());
    expect(one.hungUp).toEqual(['CA1']);
  });

  it('is known all the same where that answer was lost: nobody else’s agent answers him, and his phone rings no longer', async () => {
    const one = calling();
    await one.settle();
    one.answer.reject(new ControlError('CONTROL_TIMEOUT', 'lost', { uncertain: true }));
    await one.placing;
    await one.outbound.endLeg(one.id());
    expect(await one.outbound.claimLeg(atTwilio('CA7'), ORDER.to)).toMatchObject({ leg: { answers: 'call-1' } });
    one.outbound.onStatus({ ...atTwilio('CA7'), status: 'ringing' });
    await one.settle();
    expect(one.hungUp).toEqual(['CA7']);
  });

  it('is forgotten where his carrier never says anything', async () => {
    const one = calling();
    await one.settle();
    one.answer.reject(new ControlError('CONTROL_TIMEOUT', 'lost', { uncertain: true }));
    await one.placing;
    await one.outbound.endLeg(one.id());
    one.clock.advance(90_000);
    await one.settle();
    expect(one.memory.size('orders-dialled')).toBe(0);
  });

  it('is not hung up on where his carrier said first that it is over', async () => {
    const one = calling();
    one.answer.resolve('CA1');
    await one.placing;
    one.outbound.onStatus({ ...atTwilio('CA1'), status: 'busy' });
    await one.settle();
    await one.outbound.endLeg(one.id());
    expect(one.hungUp).toEqual([]);
  });
});
