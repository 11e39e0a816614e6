import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { termination } from '../../src/call/termination.ts';
import { recordsOfAll } from '../../src/records/fleet-records.ts';
import { sqliteRecordStore } from '../../src/records/sqlite-store.ts';
import { PRICES, Telling } from '../fakes/record-events.ts';

/** Two machines with a SQLite each: a call is prepared at the first, and its stream comes to the second. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-moved-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('a call that moved is one call: over when it is over, counted once, and gone when it is removed', async () => {
  const [first, second] = ['first', 'second'].map((name) =>
    sqliteRecordStore({ path: join(folder, `${name}.db`), prices: PRICES }),
  ) as [ReturnType<typeof sqliteRecordStore>, ReturnType<typeof sqliteRecordStore>];
  const [there, here] = [new Telling('first', Date.now()), new Telling('second', Date.now())];
  there.start('c1');
  there.tell('c1', [{ type: 'call_moved', to: 'second' } as never]);
  here.start('c1', { takenFrom: 'first' });
  here.tell('c1', [{ type: 'call_ended', end: termination('caller-hangup'), durationMs: 1_000, counters: {} }]);
  await first.append('first', there.told);
  await second.append('second', here.told);
  const all = recordsOfAll(first, {
    ask: async (what, asked) =>
      [
        await (what === 'list'
          ? second.list(asked as never)
          : what === 'get'
            ? second.get((asked as { callId: string }).callId).then((one) => one ?? null)
            : what === 'overview'
              ? second.overview(asked as never)
              : second.remove((asked as { callId: string }).callId)),
      ] as never,
  });
  const active = (await all.list({ active: true, limit: 10 })).map(({ id }) => id);
  const { slots } = await all.overview({ edges: [0, Date.now() + 60_000] });
  const counted = slots.reduce((sum, { calls }) => sum + calls, 0);
  await all.remove('c1');
  const left = (await all.get('c1'))?.from;
  await first.close();
  await second.close();
  expect({ active, counted, left }).toEqual({ active: [], counted: 1, left: undefined });
});
