import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/call/clock.ts';
import { EventHub } from '../../../src/live/hub.ts';
import { LevelMeters } from '../../../src/live/levels.ts';
import { EventIds, type RecordedEvent } from '../../../src/records/event.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeOutlet } from './events.ts';

const MINUTE = 60_000;

/** Instances on one time line, each with a wall clock of its own, that can be cut off from one another. */
function fleet(skews: readonly number[], keep = 1_000) {
  const base = new FakeClock();
  const all: RecordedEvent[] = [];
  const asked: string[] = [];
  const cut = new Set<string>();
  const names = skews.map((_, n) => `p${n}`);
  const present = new Set(names);
  const instances = skews.map((skew, n) => {
    const self = names[n]!;
    const clock: Clock = {
      now: () => base.now(),
      after: (ms, fn) => base.after(ms, fn),
      wall: () => base.wall() + skew,
    };
    const ids = new EventIds(() => clock.wall(), self);
    const meters = new LevelMeters();
    const hub = new EventHub({
      ids,
      clock,
      levels: meters,
      keep: { events: keep, characters: 10_000_000 },
      watchers: 100,
      bufferBytes: 1_000_000,
      failed: () => {},
      peers: {
        others: async () => names.filter((name) => name !== self && present.has(name)),
        async ask(instance, question) {
          asked.push(instance);
          if (cut.has(instance) || cut.has(self)) throw new Error('unreachable');
          const far = instances[names.indexOf(instance)]!;
          return JSON.parse(JSON.stringify(far.hub.answer(JSON.parse(JSON.stringify(question)))));
        },
      },
    });
    let seq = 0;
    const happen = (over: Partial<RecordedEvent> = {}): RecordedEvent => {
      const event: RecordedEvent = {
        id: ids.next(),
        callId: `call-${self}`,
        seq: seq++,
        at: clock.wall(),
        offsetMs: 0,
        type: 'barge_in',
        data: {},
        transient: false,
        ...over,
      };
      all.push(event);
      hub.onRecord(event);
      return event;
    };
    const watch = (wanted: Partial<Parameters<EventHub['watch']>[1]> = {}, outlet = new FakeOutlet()) =>
      Object.assign(outlet, { watcher: hub.watch(outlet, { transient: true, levels: false, ...wanted }) });
    return { self, hub, meters, happen, watch };
  });
  const pass = (ms: number) => base.advanceAsync(ms, 20);
  const close = () => {
    for (const { hub } of instances) hub.close();
  };
  return { base, all, asked, cut, present, instances, pass, close };
}

describe('events of several instances', () => {
  it('come to readers of each in one order, each once', async () => {
    const { instances, pass, close } = fleet([0, 0]);
    const [a, b] = instances as [(typeof instances)[0], (typeof instances)[0]];
    const readers = [a.watch(), b.watch()];
    await pass(500);
    const told = [];
    for (let n = 0; n < 20; n++) {
      told.push((n % 3 === 0 ? a : b).happen().id);
      await pass(30);
    }
    await pass(600);
    for (const reader of readers) expect(reader.events).toEqual(told);
    close();
  });

  it('are missed and doubled by nobody who comes back to another, whosever clock is five minutes off', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(-5 * MINUTE, 0, 5 * MINUTE, 137), { minLength: 2, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(99), fc.nat(400)), { minLength: 5, maxLength: 25 }),
        async (skews, steps) => {
          const { all, instances, pass, close } = fleet(skews);
          // They compare their clocks when they begin.
          await pass(3_000);
          const begun = all.length;
          let outlet = instances[0]!.watch();
          await pass(500);
          const seen: string[] = [];
          let last = '0';
          const leave = () => {
            outlet.watcher.closed();
            seen.push(...outlet.events);
            const hello = outlet.of('hello').at(-1)?.['last'] as string | undefined;
            last = outlet.ids.findLast((id) => id !== undefined) ?? hello ?? last;
            return last;
          };
          for (const [what, ms] of steps) {
            const at = instances[what % instances.length]!;
            if (what < 60) at.happen();
            else outlet = at.watch({ after: leave() });
            await pass(ms);
          }
          await pass(2_000);
          leave();
          expect(seen).toEqual(
            all
              .slice(begun)
              .map(({ id }) => id)
              .sort(),
          );
          close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are told on without one that does not answer, after a moment, and its own when it is heard again, as no place to come back to', async () => {
    const { instances, cut, pass, close } = fleet([0, 0]);
    const [a, b] = instances as [(typeof instances)[0], (typeof instances)[0]];
    const reader = a.watch();
    await pass(500);
    cut.add('p1');
    const there = b.happen();
    await pass(300);
    const here = a.happen();
    await pass(400);
    expect(reader.events).toEqual([]);
    await pass(1_500);
    expect(reader.events).toEqual([here.id]);
    cut.clear();
    await pass(600);
    expect(reader.events).toEqual([here.id, there.id]);
    expect(reader.ids.slice(-2)).toEqual([here.id, undefined]);
    // Who comes back gets it where it belongs.
    const again = a.watch({ after: '0' });
    await pass(300);
    expect(again.events).toEqual([there.id, here.id]);
    close();
  });

  it('wait for no instance that is gone', async () => {
    const { instances, cut, present, pass, close } = fleet([0, 0]);
    const [a] = instances as [(typeof instances)[0]];
    const reader = a.watch();
    await pass(500);
    cut.add('p1');
    present.delete('p1');
    await pass(1_100);
    const event = a.happen();
    expect(reader.events).toEqual([event.id]);
    close();
  });

  it('are asked for while somebody watches, and for a moment longer, and else not', async () => {
    const { instances, asked, pass, close } = fleet([0, 0]);
    await pass(3_000);
    expect(asked.length).toBeLessThanOrEqual(2);
    const reader = instances[0]!.watch();
    await pass(2_000);
    const one = asked.filter((instance) => instance === 'p1').length;
    expect(one).toBeGreaterThan(8);
    reader.watcher.closed();
    await pass(32_000);
    const before = asked.length;
    await pass(20_000);
    expect(asked.length - before).toBeLessThanOrEqual(2);
    close();
  });

  it("come with their conversation, level meters and what is no call's", async () => {
    const { instances, pass, close } = fleet([0, 0]);
    const [a, b] = instances as [(typeof instances)[0], (typeof instances)[0]];
    const reader = a.watch({ levels: true, conversationId: 'talk' });
    const everything = a.watch();
    await pass(500);
    const event = b.happen({ type: 'call_started', data: { info: { conversationId: 'talk' } } });
    b.happen({ callId: 'another' });
    b.hub.notice('whatsapp.permission', { user: 'u' });
    await pass(500);
    b.meters.tell({ callId: event.callId, caller: -20, agent: -30 });
    await pass(500);
    expect(reader.events).toEqual([event.id]);
    expect(reader.of('levels')).toEqual([{ kind: 'levels', callId: event.callId, caller: -20, agent: -30 }]);
    expect(everything.of('notice')).toHaveLength(1);
    close();
  });
});

describe('ids of a fleet whose clocks differ', () => {
  it('go on with the fastest clock that was seen: what happens after it was heard of last sorts behind what it gave since', () => {
    let now = 1_700_000_000_000;
    const fast = new EventIds(() => now + 5 * MINUTE, 'fast');
    const slow = new EventIds(() => now, 'slow');
    slow.after(fast.next());
    now += 150;
    const last = fast.next();
    now += 50;
    expect(slow.next() > last).toBe(true);
    // One that is hours off is followed by nobody.
    slow.after(EventIds.at(now + 3 * 60 * MINUTE));
    expect(EventIds.timeOf(slow.next()) - now).toBeLessThanOrEqual(5 * MINUTE + 1);
  });
});
