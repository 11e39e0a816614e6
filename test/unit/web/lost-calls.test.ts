import { describe, expect, it } from 'vitest';
import { LostCalls } from '../../../web/js/model/lost-calls.js';

const ended = (id: string) => ({ id, endedAt: '2026-01-01', result: 'failure', reason: 'internal', durationMs: 1 });
const ids = (n: number) => Array.from({ length: n }, (_, i) => `c${i}`);
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function rig() {
  const records = new Map<
    string,
    ReturnType<typeof ended> | (Omit<ReturnType<typeof ended>, 'endedAt'> & { endedAt: null })
  >();
  let page = ids(0);
  let away = false;
  const found: string[] = [];
  let asked = 0;
  const rounds: Array<() => void> = [];
  const lost = new LostCalls({
    newest: async () => {
      asked++;
      if (away) throw new Error('away');
      return page.flatMap((id) => records.get(id) ?? []);
    },
    one: async (id) => {
      asked++;
      const record = records.get(id);
      if (record === undefined) throw new Error('none');
      return record;
    },
    found: ({ id }) => void found.push(id),
    wait: () => new Promise<void>((resolve) => void rounds.push(resolve)),
  });
  return {
    lost,
    records,
    found,
    rounds,
    asked: () => asked,
    setPage: (next: string[]) => {
      page = next;
    },
    setAway: (is: boolean) => {
      away = is;
    },
    async next() {
      rounds.shift()?.();
      await settled();
    },
  };
}

describe('calls that a daemon lost', () => {
  it('are asked for together, however many they are', async () => {
    const { lost, records, found, asked, setPage, rounds } = rig();
    for (const id of ids(200)) records.set(id, ended(id));
    setPage(ids(200));
    lost.seek(ids(200));
    await settled();
    expect([found.length, asked(), rounds.length]).toEqual([200, 1, 0]);
  });

  it('are asked for again until the daemon is back and has written how they ended', async () => {
    const { lost, records, found, setPage, setAway, next } = rig();
    setAway(true);
    lost.seek(['c0']);
    await settled();
    setAway(false);
    setPage(['c0']);
    records.set('c0', { ...ended('c0'), endedAt: null });
    await next();
    expect(found).toEqual([]);
    records.set('c0', ended('c0'));
    await next();
    expect(found).toEqual(['c0']);
  });

  it('are asked for one by one, a few at a time, where they began before all that is listed; and given up in the end', async () => {
    const { lost, records, found, asked, next, rounds } = rig();
    for (const id of ids(6)) records.set(id, ended(id));
    lost.seek(['never', ...ids(6)]);
    await settled();
    expect([found.length, asked()]).toEqual([3, 5]);
    await next();
    expect(found).toHaveLength(6);
    for (let n = 0; n < 30; n++) await next();
    expect(rounds).toEqual([]);
    const before = asked();
    lost.seek(['c0']);
    await settled();
    expect(asked()).toBeGreaterThan(before);
  });
});
