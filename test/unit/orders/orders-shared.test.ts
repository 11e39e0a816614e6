import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlError } from '../../../src/callers/phone/control/index.ts';
import { withDeadline } from '../../../src/memory/deadline.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, shuffledMemory, silentMemory } from '../../fakes/memory.ts';
import { phoneOrders } from '../../fakes/phone-orders.ts';

const ORDER = { to: '+15550001111', machineDetection: 'off', timeoutSeconds: 30 } as const;
const REQUEST = { headers: { host: 'localhost:8080' } };

/** One process that orders calls; what the carrier answers to each request is up to the test. */
function process(memory: ProcessMemory, clock: FakeClock, dial: () => Promise<string>) {
  const outbound = phoneOrders(memory, clock, { dial });
  return { outbound, place: (prompt: string) => outbound.place({ ...ORDER, prompt }, REQUEST) };
}

const lost = () => Promise.reject(new ControlError('CONTROL_TIMEOUT', 'lost', { uncertain: true }));
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('orders that several processes share', () => {
  const two = (dial: () => Promise<string>) => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    return { clock, memory, here: process(memory, clock, dial), there: process(memory, clock, dial) };
  };

  it('are known to whichever the carrier comes to, until they are forgotten', async () => {
    const { here, there, memory } = two(async () => 'CA1');
    const { id } = await here.place('reminder');
    expect(await there.outbound.claim(atTwilio('CA1'), ORDER.to)).toMatchObject({ callId: id, prompt: 'reminder' });
    expect(await there.outbound.claim(atTwilio('CA1', 'AC2'), ORDER.to)).toBeUndefined();
    expect(here.outbound.find(id)?.status).toBe('queued');
    here.outbound.onStatus({ ...atTwilio('CA1'), status: 'completed' });
    await turn();
    expect(await there.outbound.claim(atTwilio('CA1'), ORDER.to)).toBeDefined();
    here.outbound.forget([id]);
    expect(await there.outbound.claim(atTwilio('CA1'), ORDER.to)).toBeUndefined();
    expect([memory.size('orders'), memory.size('orders-dialled')]).toEqual([0, 0]);
  });

  it('that are over are kept by their carrier’s id alone: a number that is called again and again gathers none', async () => {
    let dialled = 0;
    const { here, memory } = two(async () => `CA${++dialled}`);
    for (let n = 1; n <= 3; n++) {
      await here.place('reminder');
      here.outbound.onStatus({ ...atTwilio(`CA${n}`), status: 'busy' });
      await turn();
    }
    expect([memory.size('orders'), memory.size('orders-dialled')]).toEqual([3, 0]);
  });

  it('to one number at once are all known by it, however many', async () => {
    const { here, there, clock, memory } = two(lost);
    const placed = await Promise.allSettled(Array.from({ length: 90 }, (_, n) => here.place(`${n}`)));
    expect(placed.every(({ status }) => status === 'rejected')).toBe(true);
    const claims = Array.from({ length: 90 }, (_, n) => there.outbound.claim(atTwilio(`CA${n}`), ORDER.to));
    await clock.advanceAsync(3_200, 100);
    const prompts = (await Promise.all(claims)).map((plan) => plan?.prompt);
    expect(new Set(prompts)).toEqual(new Set(Array.from({ length: 90 }, (_, n) => `${n}`)));
    // All are given up at once, since the carrier never says what became of them.
    await clock.advanceAsync(90_000, 10_000);
    expect(memory.size('orders-dialled')).toBe(0);
  });

  it('are waited for where the carrier is quicker than its answer to another process, and not for ever', async () => {
    const answered = Promise.withResolvers<string>();
    const { here, there, clock } = two(() => answered.promise);
    const placing = here.place('reminder');
    const claiming = there.outbound.claim(atTwilio('CA1'), ORDER.to);
    await clock.advanceAsync(1_000, 100);
    answered.resolve('CA1');
    const { id } = await placing;
    await clock.advanceAsync(100, 100);
    expect(await claiming).toMatchObject({ callId: id });
  });

  it('are found by their number after three seconds where the answer to another process was lost', async () => {
    const { here, there, clock } = two(lost);
    await expect(here.place('reminder')).rejects.toThrow('lost');
    const claiming = there.outbound.claim(atTwilio('CA1'), ORDER.to);
    await clock.advanceAsync(3_200, 100);
    expect(await claiming).toMatchObject({ prompt: 'reminder' });
    expect(await there.outbound.claim(atTwilio('CA1'), ORDER.to)).toMatchObject({ prompt: 'reminder' });
    expect(await here.outbound.claim(atTwilio('CA2'), ORDER.to)).toBeUndefined();
  });

  it('have one call each, however many come at once to whom, and in whatever order the memory answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (s) => {
        const clock = new FakeClock();
        const inner = new LocalMemory({ clock });
        const shared = () => shuffledMemory(() => s.schedule(Promise.resolve()), inner);
        const [here, there] = [process(shared(), clock, lost), process(shared(), clock, lost)];
        const all = async <T>(asked: Array<Promise<T>>): Promise<Array<T | undefined>> => {
          let done = false;
          const settled = Promise.allSettled(asked).finally(() => {
            done = true;
          });
          while (!done) {
            await s.waitIdle();
            await clock.advanceAsync(100, 100);
          }
          return (await settled).map((one) => (one.status === 'fulfilled' ? one.value : undefined));
        };
        await all([here.place('one'), here.place('two'), there.place('three')]);
        // Each call is asked for twice, as its webhook and its first status do.
        const ids = ['CA1', 'CA2', 'CA3', 'CA4'];
        const asks = ids.flatMap((id, n) => [here, n % 2 === 0 ? here : there].map((at) => ({ id, at })));
        const plans = await all(asks.map(({ id, at }) => at.outbound.claim(atTwilio(id), ORDER.to)));
        const byCall = ids.map((id) => plans.filter((_plan, n) => asks[n]?.id === id).map((plan) => plan?.prompt));
        for (const [first, second] of byCall) expect(second).toBe(first);
        expect(byCall.flatMap(([prompt]) => prompt ?? []).sort()).toEqual(['one', 'three', 'two']);
      }),
      { numRuns: 20 },
    );
  });
});

describe('orders whose memory fails', () => {
  it.each([
    ['by the id that the carrier answered with', async () => 'CA1'],
    ['by their number, where the answer was lost', lost],
  ])('are known to who placed them, %s', async (_how, dial) => {
    const clock = new FakeClock();
    const { memory } = failingMemory();
    const { outbound, place } = process(memory, clock, dial);
    await place('reminder').catch(() => {});
    expect(await outbound.claim(atTwilio('CA1'), ORDER.to)).toMatchObject({ prompt: 'reminder' });
    expect(await outbound.claim(atTwilio('CA2'), ORDER.to)).toBeUndefined();
    outbound.onStatus({ ...atTwilio('CA1'), status: 'completed' });
    await turn();
    expect(outbound.views()).toMatchObject([{ status: 'completed' }]);
  });

  it('are placed, and known, after the deadline of one that does not answer', async () => {
    const clock = new FakeClock();
    const memory = withDeadline(silentMemory(), { clock, ms: 500 });
    const { outbound, place } = process(memory, clock, async () => 'CA1');
    const placing = place('reminder');
    await clock.advanceAsync(1_500, 100);
    expect(await placing).toMatchObject({ carrierCallId: 'CA1' });
    const claiming = outbound.claim(atTwilio('CA1'), ORDER.to);
    await clock.advanceAsync(1_000, 100);
    expect(await claiming).toMatchObject({ prompt: 'reminder' });
  });
});
