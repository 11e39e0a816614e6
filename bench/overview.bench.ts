import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DELAY_PARTS } from '../src/records/answer-delays.ts';
import { noPrices } from '../src/records/costs.ts';
import { figureColumns } from '../src/records/figures.ts';
import { slotsOf } from '../src/records/http/slots.ts';
import { overviewOf } from '../src/records/overview.ts';
import { postgresRecordStore } from '../src/records/postgres-store.ts';
import { recordMigrations } from '../src/records/sqlite-schema.ts';
import { sqliteRecordStore } from '../src/records/sqlite-store.ts';
import type { RecordStore } from '../src/records/store.ts';
import { openDatabase } from '../src/stores/sqlite.ts';
import { postgresCluster, postgresMissing } from '../test/integration/postgres.ts';
import { n, print, table, type Verdict, verdicts } from './lib/table.ts';

/** How long an overview of 100,000 calls takes: 90 days of them, five prompts, three carriers, one in twelve failed. */

const CALLS = 100_000;
const DAYS = 90;
const DAY_MS = 86_400_000;
const FROM = Date.UTC(2026, 0, 1);
const UNTIL = FROM + DAYS * DAY_MS;
/** Between two calls, ms. */
const APART = Math.floor((DAYS * DAY_MS) / CALLS);

/** Numbers that look like chance and are the same each time, the same in both databases. */
const pick = (i: string, of: number, seed: number) => `(${i} * ${7919 + seed * 104729} / 31) % ${of}`;

/** What of a call stands in each column of the figures, as an expression over `i`. */
const expressions: Record<string, string> = {
  call_id: "'call-' || i",
  started_at: `${FROM} + i * ${APART}`,
  carrier: `CASE ${pick('i', 3, 1)} WHEN 0 THEN 'twilio' WHEN 1 THEN 'telnyx' ELSE 'plivo' END`,
  route: `'route-' || ${pick('i', 4, 2)}`,
  prompt: `'prompt-' || ${pick('i', 5, 3)}`,
  model: "'gpt-realtime-2.1'",
  result: `CASE ${pick('i', 12, 4)} WHEN 0 THEN 'upstream_error' ELSE 'success' END`,
  reason: `CASE ${pick('i', 12, 4)} WHEN 0 THEN 'model-session-lost' ELSE 'caller-hangup' END`,
  currency: "'USD'",
  duration_ms: `20000 + ${pick('i', 200_000, 5)}`,
  cost: `0.01 * (1 + ${pick('i', 90, 6)})`,
  turns: `1 + ${pick('i', 20, 7)}`,
  barge_ins: pick('i', 3, 8),
  tool_calls: pick('i', 4, 9),
  tokens_in: `1000 + ${pick('i', 9_000, 10)}`,
  tokens_cached: pick('i', 900, 11),
  tokens_out: `200 + ${pick('i', 2_000, 12)}`,
  ...Object.fromEntries(Array.from({ length: DELAY_PARTS }, (_, k) => [`a${k}`, pick('i', k < 12 ? 3 : 2, 13 + k)])),
};
const FILL = `WITH RECURSIVE numbers (i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM numbers WHERE i < ${CALLS})
  INSERT INTO call_figures (${figureColumns.join(', ')})
  SELECT ${figureColumns.map((name) => expressions[name]).join(', ')} FROM numbers`;

const ASKED = [
  ['1 day by hour', 1, 'hour'],
  ['7 days by hour', 7, 'hour'],
  ['90 days by day', 90, 'day'],
] as const;

async function measured(
  name: string,
  store: RecordStore,
  rounds: number,
): Promise<{ rows: string[][]; worstMs: number }> {
  const rows: string[][] = [];
  let worstMs = 0;
  for (const [what, days, step] of ASKED) {
    const edges = slotsOf(UNTIL - days * DAY_MS, UNTIL, step, 'Europe/Berlin')!.edges;
    const took: number[] = [];
    let calls = 0;
    const cpu = process.cpuUsage();
    for (let i = 0; i < rounds; i++) {
      const began = performance.now();
      calls = overviewOf(await store.overview({ edges }), edges).totals.calls;
      took.push(performance.now() - began);
    }
    const { user, system } = process.cpuUsage(cpu);
    const sorted = took.toSorted((a, b) => a - b);
    worstMs = Math.max(worstMs, sorted[sorted.length >> 1] ?? Number.NaN);
    rows.push([
      `${name}: ${what}`,
      String(calls),
      n(took[0], 0),
      n(sorted[sorted.length >> 1], 0),
      n(sorted.at(-1), 0),
      n((user + system) / 1_000 / rounds, 0),
    ]);
  }
  return { rows, worstMs };
}

export async function overview({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const rounds = quick ? 3 : 9;
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-bench-overview-'));
  const path = join(folder, 'records.db');
  const db = openDatabase(path, recordMigrations);
  db.exec(FILL);
  db.close();
  const sqlite = sqliteRecordStore({ path, prices: noPrices });
  const results = [await measured('SQLite', sqlite, rounds)];
  await sqlite.close();
  rmSync(folder, { recursive: true });
  const missing = postgresMissing();
  if (missing === undefined) {
    const cluster = await postgresCluster();
    try {
      const url = cluster.database('overview');
      const store = postgresRecordStore({ url, prices: noPrices });
      await store.open();
      cluster.sql('overview', FILL);
      cluster.sql('overview', 'ANALYZE');
      results.push(await measured('PostgreSQL', store, rounds));
      await store.close();
    } finally {
      cluster.remove();
    }
  } else print(`PostgreSQL is not measured: ${missing}`);
  table(
    `Overview: ${CALLS} calls in ${DAYS} days`,
    ['', 'calls in it', 'first ms', 'median ms', 'longest ms', 'own CPU ms each'],
    results.flatMap(({ rows }) => rows),
  );
  return results.map(({ worstMs }, i) => ({
    what: `overview: all of ${CALLS} calls, ${i === 0 ? 'SQLite' : 'PostgreSQL'}`,
    value: worstMs,
    target: 1_000,
    unit: 'ms',
  }));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  verdicts(await overview({ quick: values.quick }));
}
