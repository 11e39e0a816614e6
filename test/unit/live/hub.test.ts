import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventReplay } from '../../../src/live/replay.ts';
import { EventRing, LiveEvent } from '../../../src/live/ring.ts';
import { Watcher } from '../../../src/live/watcher.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import { FakeOutlet, hubRig } from './events.ts';

/** A store that has all of `events`. */
const storeOf =
  (events: readonly RecordedEvent[]): EventReplay =>
  async ({ after, until, limit, callId }) =>
    events
      .filter((event) => event.id > after && event.id <= until && (callId === undefined || event.callId === callId))
      .slice(0, limit);

describe('a reader', () => {
  it('without an id is told what happens from now on', () => {
    const { happen, watch, clock } = hubRig();
    happen();
    const reader = watch();
    expect(reader.messages).toMatchObject([{ kind: 'hello', now: clock.wall(), replayed: 0 }]);
    const event = happen();
    expect(reader.of('event')).toEqual([{ kind: 'event', event }]);
    expect(reader.ids).toEqual([undefined, event.id]);
  });

  it('gets one call, one conversation, or all', () => {
    const { happen, watch } = hubRig();
    const [one, call, conversation] = [watch(), watch({ callId: 'c2' }), watch({ conversationId: 'talk' })];
    const a = happen('call_started', { callId: 'c1', data: { info: { id: 'c1' } } });
    const b = happen('call_started', { callId: 'c2', data: { info: { id: 'c2', conversationId: 'talk' } } });
    const c = happen('call_ended', { callId: 'c2' });
    const d = happen('barge_in', { callId: 'c1' });
    expect(one.events).toEqual([a.id, b.id, c.id, d.id]);
    expect(call.events).toEqual([b.id, c.id]);
    expect(conversation.events).toEqual([b.id, c.id]);
  });

  it('of a conversation gets it by replay too, after its call is over', async () => {
    const { happen, watch, settle } = hubRig();
    const events = [
      happen('call_started', { callId: 'c2', data: { info: { id: 'c2', conversationId: 'talk' } } }),
      happen('call_ended', { callId: 'c2' }),
    ];
    happen('barge_in', { callId: 'c1' });
    const reader = watch({ conversationId: 'talk', after: '0' });
    await settle();
    // What was before the process is not known without a store, and that is said.
    expect(reader.of('gap')).toHaveLength(1);
    expect(reader.events).toEqual(events.map(({ id }) => id));
  });

  it('may leave out what is replaced later', async () => {
    const { happen, watch, settle } = hubRig();
    const first = happen();
    const [all, lasting] = [watch({ after: first.id }), watch({ after: first.id, transient: false })];
    const piece = happen('agent.transcript', { transient: true });
    await settle();
    const final = happen('agent.transcript');
    expect(all.events).toEqual([piece.id, final.id]);
    expect(lasting.events).toEqual([final.id]);
  });

  it('that comes back gets what it missed, then goes on; hello says how much it was', async () => {
    const { happen, watch, settle } = hubRig();
    const seen = happen();
    const missed = [happen(), happen(), happen()];
    const reader = watch({ after: seen.id });
    await settle();
    const live = happen();
    expect(reader.events).toEqual([...missed, live].map(({ id }) => id));
    expect(reader.messages[3]).toMatchObject({ kind: 'hello', replayed: 3, last: missed[2]?.id });
  });

  it('gets from the store what is no longer in memory', async () => {
    const { hub, happen, watch, settle, all } = hubRig({ keep: { events: 5, characters: 1_000_000 } });
    for (let i = 0; i < 1_000; i++) happen();
    hub.replay = storeOf(all);
    const reader = watch({ after: all[9]?.id });
    await settle();
    expect(reader.events).toEqual(all.slice(10).map(({ id }) => id));
    expect(reader.of('gap')).toEqual([]);
  });

  it.each([
    ['has no store', undefined],
    ['has a store that fails', () => Promise.reject(new Error('down'))],
  ])('is told of the gap where the bridge %s', async (_, replay) => {
    const { hub, happen, watch, settle, all } = hubRig({ keep: { events: 5, characters: 1_000_000 } });
    for (let i = 0; i < 20; i++) happen();
    hub.replay = replay;
    const reader = watch({ after: all[9]?.id });
    await settle();
    expect(reader.messages[0]).toEqual({ kind: 'gap', after: all[9]?.id, until: all[14]?.id });
    expect(reader.events).toEqual(all.slice(15).map(({ id }) => id));
    expect(happen().id).toBe(reader.events.at(-1));
  });

  it('of long texts keeps no more of them than the bound allows', async () => {
    const { happen, watch, settle, all } = hubRig({ keep: { events: 100, characters: 10_000 } });
    for (let i = 0; i < 50; i++) happen('agent.transcript', { data: { text: 'x'.repeat(700) } });
    const reader = watch({ after: all[0]?.id });
    await settle();
    expect(reader.events).toEqual(all.slice(-10).map(({ id }) => id));
  });
});

describe('a slow reader', () => {
  it('is dropped; the others go on', () => {
    const { happen, watch, dropped, hub } = hubRig();
    const [slow, good] = [watch(), watch()];
    slow.takes = false;
    for (let i = 0; i < 100; i++) happen();
    expect(slow.ended).toBe('slow');
    expect(slow.bufferedBytes).toBeLessThan(4_096 + 400);
    expect(dropped).toEqual(['slow']);
    expect(good.events).toHaveLength(100);
    expect(hub.size).toBe(1);
  });

  it('that catches up is given no more than it takes', async () => {
    const { happen, watch, clock, all } = hubRig({ keep: { events: 10_000, characters: 10_000_000 } });
    const first = happen();
    for (let i = 0; i < 1_000; i++) happen();
    const outlet = new FakeOutlet();
    outlet.takes = false;
    const reader = watch({ after: first.id }, outlet);
    await clock.advanceAsync(1_000, 20);
    const page = reader.events.length;
    expect(page).toBe(200);
    while (reader.of('hello').length === 0) {
      reader.bufferedBytes = 0;
      await clock.advanceAsync(20);
      expect(reader.ended).toBeUndefined();
    }
    expect(reader.events).toEqual(all.slice(1).map(({ id }) => id));
  });

  it('that catches up and takes nothing at all is dropped in the end', async () => {
    const { happen, watch, clock, dropped } = hubRig({ keep: { events: 10_000, characters: 10_000_000 } });
    const first = happen();
    for (let i = 0; i < 300; i++) happen();
    const outlet = new FakeOutlet();
    outlet.takes = false;
    const reader = watch({ after: first.id }, outlet);
    await clock.advanceAsync(16_000, 100);
    expect(reader.ended).toBe('slow');
    expect(dropped).toEqual(['slow']);
    expect(clock.pending).toBe(0);
  });

  it('that goes while it catches up leaves nothing behind', async () => {
    const { happen, watch, clock, hub, errors } = hubRig();
    const first = happen();
    for (let i = 0; i < 50; i++) happen();
    const outlet = new FakeOutlet();
    outlet.bufferedBytes = 9_999;
    const reader = watch({ after: first.id }, outlet);
    await clock.advanceAsync(100);
    reader.watcher.closed();
    await clock.advanceAsync(100);
    expect([clock.pending, hub.size, reader.events.length]).toEqual([0, 0, 0]);
    expect(errors).toEqual([]);
  });
});

describe('a reader whose ring is out of order', () => {
  it('is told of a gap and goes on live, in place of asking for the same for ever', async () => {
    const { clock, happen, all, settle } = hubRig();
    for (let i = 0; i < 3; i++) happen();
    class Stuck extends EventRing {
      override after(_id: string, _limit: number) {
        return [new LiveEvent(all[0] as RecordedEvent, undefined)];
      }
    }
    const ring = new Stuck({ events: 10, characters: 10_000 }, '0');
    for (const event of all) ring.push(new LiveEvent(event, undefined));
    const errors: unknown[] = [];
    const outlet = new FakeOutlet();
    // A loop that never waits would hang the test: it is cut by what it asks of the outlet.
    let looks = 0;
    Object.defineProperty(outlet, 'bufferedBytes', {
      get: () => {
        if (++looks > 100) throw new Error('asked 100 times');
        return 0;
      },
    });
    const watcher = new Watcher(
      outlet,
      { after: all[1]?.id, transient: true, levels: false },
      {
        ring,
        clock,
        replay: () => undefined,
        bufferBytes: 4_096,
        gone: () => {},
        failed: (error) => errors.push(error),
      },
    );
    watcher.start();
    await settle();
    expect(outlet.ended).toBeUndefined();
    expect(outlet.messages).toMatchObject([
      { kind: 'gap', after: all[1]?.id, until: all[2]?.id },
      { kind: 'hello', last: all[2]?.id },
    ]);
    expect(errors).toHaveLength(1);
  });
});

describe('the hub', () => {
  it('forgets calls whose records are removed: who comes later is told nothing of them, and misses nothing else', async () => {
    const { hub, happen, watch, settle } = hubRig();
    const first = happen('call_started', { callId: 'c0', data: { info: { id: 'c0' } } });
    const secret = { data: { text: 'my secret' } };
    const gone = [happen('agent.transcript', { callId: 'c1', ...secret }), happen('call_ended', { callId: 'c1' })];
    const kept = happen('agent.transcript', { callId: 'c2' });
    happen('call_ended', { callId: 'c1' });
    hub.forget(['c1', 'nobody']);
    const readers = [
      watch({ after: first.id }),
      watch({ after: gone[0]?.id }),
      watch({ callId: 'c1', after: first.id }),
    ];
    await settle();
    const later = happen('barge_in', { callId: 'c2' });
    expect(readers.map(({ events }) => events)).toEqual([[kept.id, later.id], [kept.id, later.id], []]);
    expect(readers.flatMap((reader) => reader.of('gap'))).toEqual([]);
    expect(JSON.stringify(readers.map(({ messages }) => messages))).not.toContain('secret');
  });

  it('tells levels to those who asked, of the calls they watch, and never to one that is behind', () => {
    const { meters, happen, watch } = hubRig();
    happen('call_started', { callId: 'c2', data: { info: { id: 'c2', conversationId: 'talk' } } });
    expect(meters.watched).toBe(false);
    const readers = {
      none: watch(),
      all: watch({ levels: true }),
      call: watch({ levels: true, callId: 'c1' }),
      talk: watch({ levels: true, conversationId: 'talk' }),
      busy: watch({ levels: true }),
    };
    readers.busy.bufferedBytes = 1_000;
    const loud = { caller: -20, agent: -127 };
    meters.tell({ callId: 'c1', ...loud });
    meters.tell({ callId: 'c2', ...loud });
    const told = Object.fromEntries(Object.entries(readers).map(([name, reader]) => [name, reader.of('levels')]));
    expect(told).toEqual({
      none: [],
      all: [
        { kind: 'levels', callId: 'c1', ...loud },
        { kind: 'levels', callId: 'c2', ...loud },
      ],
      call: [{ kind: 'levels', callId: 'c1', ...loud }],
      talk: [{ kind: 'levels', callId: 'c2', ...loud }],
      busy: [],
    });
    expect(readers.busy.ended).toBeUndefined();
    // They are measured only while somebody looks.
    for (const reader of Object.values(readers)) {
      expect(meters.watched).toBe(true);
      reader.watcher.closed();
    }
    expect(meters.watched).toBe(false);
  });

  it('takes so many readers, and sends all away at its end', () => {
    const { hub, watch, dropped } = hubRig({ watchers: 2 });
    const readers = [watch()];
    expect(hub.isFull).toBe(false);
    readers.push(watch());
    expect(hub.isFull).toBe(true);
    hub.close();
    expect(readers.map((reader) => reader.ended)).toEqual(['closing', 'closing']);
    expect(dropped).toEqual(['closing', 'closing']);
    expect(hub.size).toBe(0);
  });

  it('leaves no gap and doubles nothing, whenever a reader comes and however much is in memory', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 60 }),
        fc.array(fc.constantFrom('happen', 'tick', 'take', 'stall'), { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 0, max: 400 }),
        async (keep, steps, before) => {
          const { hub, happen, watch, clock, all, settle } = hubRig({
            keep: { events: keep, characters: 1_000_000 },
            bufferBytes: 1_000_000,
          });
          hub.replay = storeOf(all);
          const first = happen();
          for (let i = 0; i < before; i++) happen();
          const reader = watch({ after: first.id });
          for (const step of steps) {
            if (step === 'happen') happen();
            else if (step === 'tick') await clock.advanceAsync(20, 20);
            else if (step === 'take') reader.bufferedBytes = 0;
            else reader.bufferedBytes = 300_000;
          }
          reader.bufferedBytes = 0;
          await clock.advanceAsync(100, 20);
          await settle();
          happen();
          expect(reader.events).toEqual(all.slice(1).map(({ id }) => id));
        },
      ),
      { numRuns: 150 },
    );
  });
});
