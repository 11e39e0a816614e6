import { describe, expect, it } from 'vitest';
import { type CallRecord, newRecord } from '../../../src/records/call-record.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import {
  otherStores,
  type ReadableRecords,
  type RecordPeers,
  recordsOfAll,
} from '../../../src/records/fleet-records.ts';

const record = (id: string, startedAt: number, events = 1): CallRecord => ({
  ...newRecord(id, 'i', { at: startedAt, offsetMs: 0 }),
  events,
});
const event = (id: string): RecordedEvent => ({
  ...{ id, callId: 'c', seq: 0, at: 0, offsetMs: 0, type: 'barge_in', data: {}, transient: false },
});

/** A store of one instance. */
function store(records: CallRecord[], events: RecordedEvent[] = []): ReadableRecords {
  return {
    list: async ({ limit }) => records.toSorted((a, b) => b.startedAt - a.startedAt).slice(0, limit),
    get: async (id) => records.find((one) => one.id === id),
    events: async (_, after = '', limit) => events.filter(({ id }) => id > after).slice(0, limit),
    between: async ({ after, until, limit }) => events.filter(({ id }) => id > after && id <= until).slice(0, limit),
    spoken: async (ids, limit) => events.filter(({ callId }) => ids.includes(callId)).slice(0, limit),
    overview: async () => ({
      slots: [],
      groups: [],
      refused: [{ slot: 0, reason: 'rate', carrier: null, calls: records.length }],
    }),
    refusedCallers: async ({ limit }) =>
      events
        .map(({ id }) => ({ id, at: 0, instance: 'i', reason: 'rate', carrier: null, from: null, to: null, calls: 1 }))
        .reverse()
        .slice(0, limit),
    remove: async (id) => {
      const at = records.findIndex((one) => one.id === id);
      if (at !== -1) records.splice(at, 1);
      return at !== -1;
    },
  };
}

const peersOf = (...stores: ReadableRecords[]): RecordPeers => ({
  ask: async (what, asked) => {
    const {
      callId = '',
      callIds = [],
      after,
      limit = 0,
    } = asked as {
      callId?: string;
      callIds?: string[];
      after?: string;
      limit?: number;
    };
    const answers = stores.map((one) => {
      if (what === 'list') return one.list(asked as never);
      if (what === 'between') return one.between(asked as never);
      if (what === 'overview') return one.overview(asked as never);
      if (what === 'refusedCallers') return one.refusedCallers(asked as never);
      if (what === 'spoken') return one.spoken(callIds, limit);
      if (what === 'events') return one.events(callId, after, limit);
      return what === 'get' ? one.get(callId).then((found) => found ?? null) : one.remove(callId);
    });
    return Promise.all(answers) as never;
  },
});

describe('records of instances that have a store each', () => {
  it('are one list, the newest first, page by page, with each call once', async () => {
    const own = store([record('a', 30), record('b', 10), record('moved', 20, 2)]);
    const all = recordsOfAll(own, peersOf(store([record('c', 25), record('moved', 20, 9)]), store([record('d', 5)])));
    const page = await all.list({ limit: 4 });
    expect(page.map(({ id, events }) => [id, events])).toEqual([
      ['a', 1],
      ['c', 1],
      ['moved', 9],
      ['b', 1],
    ]);
  });

  it('are found wherever they are, with the events of all in order', async () => {
    const all = recordsOfAll(
      store([], [event('1'), event('4')]),
      peersOf(
        store(
          [record('c', 1)],
          [event('2'), event('4'), event('3')].sort((x, y) => (x.id < y.id ? -1 : 1)),
        ),
      ),
    );
    expect(await all.get('c')).toMatchObject({ id: 'c' });
    expect(await all.get('nobody')).toBeUndefined();
    expect((await all.events('c', undefined, 3)).map(({ id }) => id)).toEqual(['1', '2', '3']);
    expect((await all.between({ after: '1', until: '4', limit: 9 })).map(({ id }) => id)).toEqual(['2', '3', '4']);
  });

  it('are searched and counted wherever they are', async () => {
    const all = recordsOfAll(
      store([record('a', 1)], [event('1'), event('3')]),
      peersOf(store([record('b', 2)], [event('2')])),
    );
    expect((await all.spoken(['c'], 9)).map(({ id }) => id)).toEqual(['1', '2', '3']);
    expect((await all.overview({ edges: [0, 9] })).refused.map(({ calls }) => calls)).toEqual([1, 1]);
    expect((await all.refusedCallers({ since: 0, until: 9, limit: 2 })).map(({ id }) => id)).toEqual(['3', '2']);
  });

  it('are removed wherever they are', async () => {
    const all = recordsOfAll(store([]), peersOf(store([record('c', 1)])));
    expect(await all.remove('c')).toBe(true);
    expect(await all.remove('c')).toBe(false);
  });

  it('are asked for once where processes of a machine have them together, and never of those of this one', () => {
    const here = ['a', 'b'].map((id) => ({ id, machine: 'm1' }));
    const there = ['c', 'd'].map((id) => ({ id, machine: 'm2' }));
    expect(otherStores(here, 'a')).toEqual([]);
    expect(otherStores([...here, ...there, { id: 'e' }, { id: 'f' }], 'b')).toEqual([['c', 'd'], ['e'], ['f']]);
    expect(otherStores([{ id: 'e' }, { id: 'f' }], 'f')).toEqual([['e']]);
  });
});
