import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/aftermath/aftermath.ts';
import { Owed } from '../../../src/aftermath/owed.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { afterCallKey } from '../../../src/prompts/after-call.ts';
import { addEvent, type CallRecord, closeAsLost, newRecord } from '../../../src/records/call-record.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import type { RecordQuery } from '../../../src/records/store.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { PRICES, Telling } from '../../fakes/record-events.ts';

const WANTED = afterCallKey.parse({ outcome: ['booked', 'other'] });
const DAY_MS = 86_400_000;
const START = 1_700_000_000_000;

/** A store of records that instances share, and what each of them finds in it. */
function rig() {
  const clock = new FakeClock(START);
  const memory = new LocalMemory({ clock });
  const records = new Map<string, { record: CallRecord; events: RecordedEvent[] }>();
  const living = new Set<string>();
  /** When the store heard of each last. */
  const beats = new Map<string, number>();
  const store = {
    async list({ since = 0, before, limit }: RecordQuery) {
      return [...records.values()]
        .map(({ record }) => record)
        .filter(({ endedAt, startedAt }) => endedAt !== null && startedAt >= since)
        .sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1))
        .filter(
          ({ startedAt, id }) =>
            before === undefined || startedAt < before.startedAt || (startedAt === before.startedAt && id < before.id),
        )
        .slice(0, limit);
    },
    events: async (id: string) => records.get(id)?.events ?? [],
    silent: async (silentMs: number) =>
      [...beats].filter(([, at]) => at < clock.wall() - silentMs).map(([instance]) => instance),
  };
  return {
    clock,
    living,
    beats,
    records,
    /** A call of this instance, that began so long ago. */
    call(
      id: string,
      {
        instance = 'dead',
        agoMs = 60_000,
        ends = true,
        prompt = 'default',
        afterCall = true,
        says = 'A table for three',
      } = {},
    ): CallRecord {
      const telling = new Telling(instance, clock.wall() - agoMs);
      const events = [
        ...telling.start(id, { prompt, ...(afterCall ? { afterCall: true } : {}) }),
        ...(says === '' ? [] : telling.turn(id, says, 'For when?')),
        ...(ends ? telling.end(id) : []),
      ].filter(({ transient }) => !transient);
      const record = newRecord(id, instance, events[0]!);
      for (const event of events) addEvent(record, event, PRICES, instance);
      records.set(id, { record, events });
      return record;
    },
    /** Told of it by whoever made it. */
    made(id: string, at = 'x'): void {
      const { record, events } = records.get(id)!;
      const event = { ...events.at(-1)!, id: `z${at}`, type: 'call_summarized', data: { summary: 's' } };
      events.push(event);
      addEvent(record, event, PRICES);
    },
    start(self: string, shared: Pick<ProcessMemory, 'space' | 'state'> = memory, isAlone = false, isShared = false) {
      living.add(self);
      const jobs: Job[] = [];
      const log = fakeLog();
      const instances = async () =>
        [...living].map((id) => ({ id, calls: 0, maxCalls: 1, draining: false, startedAt: 0 }));
      const owed = new Owed({
        store,
        isShared,
        fleet: { self, isAlone, instances },
        memory: shared,
        wantedOf: (prompt) => (prompt === 'default' ? WANTED : undefined),
        add: (job) => jobs.push(job),
        clock,
        log,
      });
      void owed.start();
      return { jobs, log, owed, ids: () => jobs.map(({ last }) => last.callId).sort() };
    },
  };
}

describe('what a process that is gone left undone', () => {
  it('is made of calls that ended without what was wanted of them when they began, and of no others', async () => {
    const { clock, call, made, start } = rig();
    call('owed');
    call('made');
    made('made');
    call('unwanted', { afterCall: false });
    call('other-prompt', { prompt: 'gone' });
    call('silent', { says: '' });
    call('running', { ends: false });
    call('old', { agoMs: DAY_MS + 60_000 });
    const { jobs, ids } = start('a', undefined, true);
    await clock.advanceAsync(1_900, 100);
    expect(jobs).toEqual([]);
    await clock.advanceAsync(200, 100);
    expect(ids()).toEqual(['owed']);
    expect(jobs[0]).toMatchObject({
      wanted: WANTED,
      lines: [
        { speaker: 'caller', text: 'A table for three' },
        { speaker: 'agent', text: 'For when?' },
      ],
      last: { type: 'call_ended' },
    });
  });

  it('is made by one of those who start, once those who died are known to be gone, and never of calls of one that lives', async () => {
    const { clock, living, call, start } = rig();
    living.add('alive');
    for (let n = 0; n < 20; n++) call(`owed-${n}`, { agoMs: 60_000 + n });
    call('its-own', { instance: 'alive' });
    const both = [start('a'), start('b')];
    await clock.advanceAsync(40_000, 1_000);
    expect(both.map(({ jobs }) => jobs)).toEqual([[], []]);
    await clock.advanceAsync(10_000, 100);
    expect(both.flatMap(({ ids }) => ids()).sort()).toEqual(Array.from({ length: 20 }, (_, n) => `owed-${n}`).sort());
  });

  it.each([
    ['a daemon that is alone', true],
    ['the processes of one machine', false],
  ])('is left by %s to others that store their calls in the same database and live', async (_, isAlone) => {
    const { clock, call, start, beats } = rig();
    call('of-another', { instance: 'other' });
    call('owed');
    const { ids } = start('a', undefined, isAlone, true);
    for (const id of ['a', 'other', 'dead']) beats.set(id, clock.wall());
    const beat = async (...who: string[]) => {
      for (let n = 0; n < 9; n++) {
        for (const id of who) beats.set(id, clock.wall());
        await clock.advanceAsync(10_000, 1_000);
      }
    };
    await beat('a', 'other');
    expect(ids()).toEqual(['owed']);
    // It ends, too.
    for (let n = 0; n < 41; n++) await beat('a');
    expect(ids()).toEqual(['of-another', 'owed']);
  });

  it('is taken over from one that began it and died, too', async () => {
    const { clock, living, call, start } = rig();
    call('owed');
    expect((await settled(start('a'), clock)).ids()).toEqual(['owed']);
    // It lives, and is at it.
    expect((await settled(start('b'), clock)).ids()).toEqual([]);
    living.delete('a');
    expect((await settled(start('c'), clock)).ids()).toEqual(['owed']);
  });

  it('stays with the one that began it for as long as that lives, however long a slow model takes for all that wait', async () => {
    const { clock, living, call, start } = rig();
    for (let n = 0; n < 200; n++) call(`owed-${n}`, { agoMs: 60_000 + n });
    expect((await settled(start('a'), clock)).ids()).toHaveLength(200);
    await clock.advanceAsync(3_600_000, 60_000);
    expect((await settled(start('b'), clock)).ids()).toEqual([]);
    living.delete('a');
    expect((await settled(start('c'), clock)).ids()).toHaveLength(200);
  });

  it('is made of calls of one that leaves after the others have started, as in a deployment that goes one by one', async () => {
    const { clock, living, call, start } = rig();
    living.add('old');
    call('of-its-drain', { instance: 'old' });
    const successor = await settled(start('a'), clock);
    expect(successor.ids()).toEqual([]);
    living.delete('old');
    await clock.advanceAsync(3_600_000, 60_000);
    expect((await settled(successor, clock)).ids()).toEqual(['of-its-drain']);
    await clock.advanceAsync(7_200_000, 60_000);
    expect((await settled(successor, clock)).ids()).toEqual(['of-its-drain']);
    successor.owed.close();
    await clock.advanceAsync(0);
    expect(clock.pending).toBe(0);
  });

  it('is bounded in number, the newest first', async () => {
    const { clock, call, start } = rig();
    for (let n = 0; n < 230; n++) call(`owed-${n}`, { agoMs: 60_000 + n * 1_000 });
    const { ids } = await settled(start('a'), clock);
    expect(ids()).toHaveLength(200);
    expect(ids()).toContain('owed-0');
    expect(ids()).not.toContain('owed-229');
  });

  it('is looked for when it is known who lives, and not by one that closes meanwhile', async () => {
    const { clock, call, start } = rig();
    call('owed');
    const away = { space: new LocalMemory({ clock }).space, state: 'away' as 'away' | 'here' };
    const memory = new LocalMemory({ clock });
    const shared = {
      space: memory.space.bind(memory),
      get state() {
        return away.state;
      },
    };
    const { ids } = start('a', shared as ProcessMemory);
    await clock.advanceAsync(60_000, 1_000);
    expect(ids()).toEqual([]);
    away.state = 'here';
    await clock.advanceAsync(60_000, 1_000);
    expect(ids()).toEqual(['owed']);
    const closed = start('b');
    closed.owed.close();
    await clock.advanceAsync(60_000, 1_000);
    expect([closed.ids(), closed.log.lines]).toEqual([[], []]);
  });

  it('is made of calls that are closed as lost, by whoever closed them', async () => {
    const { clock, call, start } = rig();
    const record = call('lost', { ends: false });
    closeAsLost(record);
    const { owed, jobs, ids } = start('a');
    await owed.lost([record]);
    expect(ids()).toEqual(['lost']);
    expect(jobs[0]!.lines).toHaveLength(2);
    // Its start finds it, too, and that it is at it already.
    await clock.advanceAsync(60_000, 1_000);
    expect(ids()).toEqual(['lost']);
  });
});

async function settled<T>(started: T, clock: FakeClock): Promise<T> {
  await clock.advanceAsync(60_000, 500);
  for (let turn = 0; turn < 3_000; turn++) await Promise.resolve();
  return started;
}
