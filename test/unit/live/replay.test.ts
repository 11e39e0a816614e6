import { describe, expect, it } from 'vitest';
import { replayFrom } from '../../../src/live/replay.ts';
import type { CallRecord } from '../../../src/records/call-record.ts';
import { EventIds, type RecordedEvent } from '../../../src/records/event.ts';
import type { RecordQuery, RecordStore } from '../../../src/records/store.ts';

const MINUTE = 60_000;
const START = 1_700_000_000_000;

/** A store with calls that begin a minute apart and have an event each minute. */
function storeWith(calls: number, minutes: number, gapMs = MINUTE) {
  let now = START;
  const ids = new EventIds(() => now, 'p1');
  const events: RecordedEvent[] = [];
  const moments: Array<{ at: number; call: number }> = [];
  for (let call = 0; call < calls; call++)
    for (let m = 0; m < minutes; m++) moments.push({ at: START + call * gapMs + m * MINUTE, call });
  for (const { at, call } of moments.toSorted((a, b) => a.at - b.at)) {
    now = at;
    const common = { seq: 0, at, offsetMs: 0, type: 'barge_in', data: {}, transient: false };
    events.push({ id: ids.next(), callId: `c${call}`, ...common });
  }
  const records = Array.from({ length: calls }, (_, call) => ({
    id: `c${call}`,
    startedAt: START + call * gapMs,
    lastAt: START + call * gapMs + (minutes - 1) * MINUTE,
    conversationId: call % 2 === 0 ? 'even' : 'odd',
  })) as CallRecord[];
  const asked: string[] = [];
  const store: Pick<RecordStore, 'list' | 'events'> = {
    list: async ({ since = 0, until = Number.POSITIVE_INFINITY, before, conversationId, limit }: RecordQuery) =>
      records
        .filter((r) => r.startedAt >= since && r.startedAt < until)
        .filter((r) => conversationId === undefined || r.conversationId === conversationId)
        .filter((r) => before === undefined || r.startedAt < before.startedAt)
        .toReversed()
        .slice(0, limit),
    events: async (callId, after = '', limit) => {
      asked.push(callId);
      return events.filter((event) => event.callId === callId && event.id > after).slice(0, limit);
    },
  };
  return { store, events, asked };
}

/** All of the range, page by page, as a reader asks. */
async function whole(replay: ReturnType<typeof replayFrom>, range: Omit<Parameters<typeof replay>[0], 'limit'>) {
  const found: RecordedEvent[] = [];
  for (let { after } = range; ; after = found.at(-1)?.id ?? after) {
    const page = await replay({ ...range, after, limit: 7 });
    found.push(...page);
    if (page.length < 7) return found.map(({ id }) => id);
  }
}

describe('replay from the records', () => {
  it('merges the events of all calls, page by page, in the order of their ids', async () => {
    const { store, events } = storeWith(40, 5);
    const [after, until] = [events[20]?.id ?? '', events[150]?.id ?? ''];
    const found = await whole(replayFrom(store, 10 * MINUTE), { after, until });
    expect(found).toEqual(events.slice(21, 151).map(({ id }) => id));
  });

  it('does not ask for calls that were over before, and reaches back to the longest that may go on', async () => {
    const { store, events, asked } = storeWith(40, 5);
    const last = events.at(-1)?.id ?? '';
    const from = events.findIndex(({ at }) => at >= START + 39 * MINUTE) - 1;
    expect(await whole(replayFrom(store, 10 * MINUTE), { after: events[from]?.id ?? '', until: last })).toEqual(
      events.slice(from + 1).map(({ id }) => id),
    );
    expect(new Set(asked).size).toBeLessThan(8);
  });

  it('gives one call or one conversation', async () => {
    const { store, events, asked } = storeWith(10, 3);
    const range = { after: '0', until: events.at(-1)?.id ?? '' };
    const replay = replayFrom(store, 10 * MINUTE);
    const idsOf = (wanted: (call: number) => boolean) =>
      events.filter(({ callId }) => wanted(Number(callId.slice(1)))).map(({ id }) => id);
    expect(await whole(replay, { ...range, conversationId: 'odd' })).toEqual(idsOf((call) => call % 2 === 1));
    asked.length = 0;
    expect(await whole(replay, { ...range, callId: 'c4' })).toEqual(idsOf((call) => call === 4));
    expect(new Set(asked)).toEqual(new Set(['c4']));
  });

  it('of more calls than can be merged rejects, for the reader to be told', async () => {
    const { store, events } = storeWith(6_000, 1, 10);
    const replay = replayFrom(store, MINUTE);
    await expect(replay({ after: '0', until: events.at(-1)?.id ?? '', limit: 10 })).rejects.toThrow('5000 calls');
  });
});
