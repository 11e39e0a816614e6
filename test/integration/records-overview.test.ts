import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SQLInputValue } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/records/event.ts';
import { overviewStatements, slotsByBucket, slotsByJoin } from '../../src/records/figures.ts';
import { overviewOf } from '../../src/records/overview.ts';
import { postgresMigrations } from '../../src/records/postgres-schema.ts';
import { postgresRecordStore } from '../../src/records/postgres-store.ts';
import { eventColumns, eventValues, listStatement } from '../../src/records/rows.ts';
import { recordMigrations } from '../../src/records/sqlite-schema.ts';
import { sqliteRecordStore } from '../../src/records/sqlite-store.ts';
import type { Statement } from '../../src/records/statement.ts';
import type { RecordStore } from '../../src/records/store.ts';
import { openDatabase } from '../../src/stores/sqlite.ts';
import { PRICES, Telling } from '../fakes/record-events.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';

/** What is counted of databases that an earlier version wrote, and by which indexes both databases count. */

const FROM = 1_700_000_000_000;
const EDGES = [FROM, FROM + 3_600_000, FROM + 7_200_000];

/** Calls as an earlier version kept them: a row each, whose detail knows nothing of answers, and their events. */
function earlier(): { rows: Array<Record<string, string | number | null>>; events: RecordedEvent[] } {
  const telling = new Telling('aaaaaa', FROM);
  telling.start('over');
  telling.answers('over', 640, 2_600);
  telling.tool('over', 'opening_hours');
  telling.end('over');
  telling.start('open');
  telling.answers('open', 820);
  telling.tell('open', [{ type: 'turn', index: 9, detectedMs: 5, firstAudioMs: 5, heardMs: 5 }]);
  const usage = {
    inputTextTokens: 10,
    inputAudioTokens: 5,
    cachedTokens: 3,
    outputTextTokens: 2,
    outputAudioTokens: 1,
  };
  const rows = ['over', 'open'].map((id) => ({
    ...{ id, instance: 'aaaaaa', carrier: 'twilio', route: 'main', prompt: 'sales', model: 'm', started_at: FROM },
    ended_at: id === 'over' ? FROM + 5_000 : null,
    duration_ms: id === 'over' ? 5_000 : null,
    result: id === 'over' ? 'success' : null,
    reason: id === 'over' ? 'caller-hangup' : null,
    ...{
      last_at: FROM,
      last_offset_ms: 0,
      events: 3,
      turns: 2,
      barge_ins: 1,
      tool_calls: 1,
      cost: 0.5,
      // The prices were another list's in between.
      currency: id === 'over' ? 'USD' : 'EUR',
    },
    detail: JSON.stringify({ continues: null, transports: [], usage, counters: {}, recording: null }),
  }));
  return { rows, events: telling.told };
}

async function seesEarlierCalls(store: RecordStore): Promise<void> {
  const overview = async () => overviewOf(await store.overview({ edges: EDGES }), EDGES);
  expect((await overview()).totals).toMatchObject({
    ...{ calls: 2, active: 1, failed: 0, durationMs: 5_000, turns: 4, bargeIns: 2, toolCalls: 2 },
    ...{ tokensIn: 30, tokensCached: 6, tokensOut: 6, answers: { count: 4 } },
  });
  const costs = [
    { currency: 'EUR', cost: 0.5 },
    { currency: 'USD', cost: 0.5 },
  ];
  expect((await overview()).totals).toMatchObject({ cost: null, costs });
  expect((await overview()).slots[0]).toMatchObject({ calls: 2, cost: null, costs });
  expect((await overview()).costs).toEqual(costs);
  expect((await store.list({ slowMs: 2_000, limit: 9 })).map(({ id }) => id)).toEqual(['over']);
  expect((await store.list({ tool: 'opening_hours', limit: 9 })).map(({ id }) => id)).toEqual(['over']);
  // What is kept of a call that was open goes on from there.
  await store.closeInterrupted({ instances: ['aaaaaa'] });
  expect((await overview()).totals).toMatchObject({ calls: 2, active: 0, failed: 1, answers: { count: 4 } });
  expect(await store.get('open')).toMatchObject({ slowestAnswerMs: 820, reason: 'process-lost' });
}

const search = { condition: '1 = 1', value: (word: string) => word };
const LISTS = {
  prompt: listStatement({ prompt: 'p', limit: 50 }, search),
  tool: listStatement({ tool: 't', limit: 50 }, search),
};

describe('SQLite', () => {
  it('counts the calls that an earlier version kept', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-records-'));
    const path = join(folder, 'records.db');
    const { rows, events } = earlier();
    const before = openDatabase(path, recordMigrations.slice(0, 6));
    for (const row of rows) {
      const names = Object.keys(row);
      before
        .prepare(`INSERT INTO call_records (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
        .run(...Object.values(row));
    }
    const insert = before.prepare(`INSERT INTO call_events (${eventColumns.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    for (const event of events) insert.run(...eventValues(event));
    before.close();
    const store = sqliteRecordStore({ path, prices: PRICES });
    await store.open();
    await seesEarlierCalls(store);
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('counts by the time of calls, and finds them by prompt and tool, without reading all of them', () => {
    const db = openDatabase(':memory:', recordMigrations);
    const planOf = ({ sql, values }: Statement) =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...(values as SQLInputValue[]))
        .map(({ detail }) => detail)
        .join('; ');
    const { slots, groups, refused } = overviewStatements({ edges: EDGES }, slotsByJoin);
    expect(planOf(slots)).toMatch(/SEARCH f USING INDEX call_figures_by_start \(started_at>\? AND started_at<\?\)/);
    expect(planOf(groups)).toMatch(/SEARCH f USING INDEX call_figures_by_start \(started_at>\? AND started_at<\?\)/);
    expect(planOf(refused)).toMatch(/SEARCH r USING COVERING INDEX call_refused_by_time \(at>\? AND at<\?\)/);
    expect(planOf(LISTS.prompt)).toMatch(/^SEARCH call_records USING INDEX call_records_by_prompt \(prompt=\?\)$/);
    expect(planOf(LISTS.tool)).toMatch(/SEARCH call_tools USING PRIMARY KEY \(name=\?\)/);
    for (const plan of [slots, groups, refused].map(planOf)) expect(plan).not.toMatch(/SCAN (f|r)/);
    db.close();
  });
});

const missing = postgresMissing();

describe('PostgreSQL', () => {
  if (missing !== undefined) {
    it('counts in a real server', ({ skip }) => skip(missing));
    return;
  }
  let cluster: PostgresCluster;
  let n = 0;
  beforeAll(async () => {
    cluster = await postgresCluster();
  }, 60_000);
  afterAll(() => cluster?.remove());
  const fresh = () => cluster.database(`overview_${n++}`);
  const nameOf = (url: string) => new URL(url).pathname.slice(1);
  const quoted = (value: string | number | null) =>
    value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;

  it('counts the calls that an earlier version kept', async () => {
    const url = fresh();
    const first = postgresRecordStore({ url, prices: PRICES, migrations: postgresMigrations.slice(0, 5) });
    await first.open();
    await first.close();
    const { rows, events } = earlier();
    for (const row of rows)
      cluster.sql(
        nameOf(url),
        `INSERT INTO call_records (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).map(quoted).join(', ')})`,
      );
    const values = events.map((event) => `(${eventValues(event).map(quoted).join(', ')})`);
    cluster.sql(nameOf(url), `INSERT INTO call_events (${eventColumns.join(', ')}) VALUES ${values.join(', ')}`);
    const store = postgresRecordStore({ url, prices: PRICES });
    await store.open();
    await seesEarlierCalls(store);
    await store.close();
  });

  it('counts by the time of calls, and finds them by prompt and tool, without reading all of them', async () => {
    const url = fresh();
    const store = postgresRecordStore({ url, prices: PRICES });
    await store.open();
    await store.close();
    const name = nameOf(url);
    const delays = Array.from({ length: 26 }, (_, i) => `n % ${i + 2}`).join(', ');
    cluster.sql(
      name,
      `INSERT INTO call_figures SELECT 'c' || n, ${FROM} + n * 60000::bigint, 'twilio', 'r', 'p' || n % 5, 'm', 'success', 'caller-hangup',
        'USD', 1, 1, 1, 1, 1, 1, 1, 1, ${delays} FROM generate_series(1, 50000) n;
       INSERT INTO call_refused SELECT n::text, ${FROM} + n * 60000::bigint, 'i', 'rate', NULL, NULL, NULL, 1 FROM generate_series(1, 50000) n;
       INSERT INTO call_tools SELECT 't' || n % 100, 'c' || n FROM generate_series(1, 50000) n;
       ANALYZE`,
    );
    const planOf = ({ sql, values }: Statement) =>
      cluster.sql(name, `EXPLAIN ${values.reduce<string>((text, value) => text.replace('?', quoted(value)), sql)}`);
    const { slots, groups, refused } = overviewStatements({ edges: EDGES }, slotsByBucket);
    expect(planOf(slots)).toMatch(/(Index|Bitmap Index) Scan (using|on) call_figures_by_start/);
    expect(planOf(groups)).toMatch(/(Index|Bitmap Index) Scan (using|on) call_figures_by_start/);
    expect(planOf(refused)).toMatch(/(Index|Index Only|Bitmap Index) Scan (using|on) call_refused_by_time/);
    for (const plan of [slots, groups, refused].map(planOf)) expect(plan).not.toMatch(/Seq Scan/);
    expect(planOf(LISTS.tool)).toMatch(/call_tools_pkey/);
  });
});
