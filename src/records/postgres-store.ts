import { addEvent, type CallRecord, closeAsLost, newRecord, spokenText } from './call-record.ts';
import type { PriceList } from './costs.ts';
import type { RecordedEvent } from './event.ts';
import { figureColumns, figureValues, overviewRows, overviewStatements, slotsByBucket } from './figures.ts';
import { createPool, type Queryable } from './postgres-client.ts';
import { numbered, postgresClients } from './postgres-clients.ts';
import { migrate, type PostgresMigration, postgresMigrations } from './postgres-schema.ts';
import { refusedColumns, refusedOf, refusedStatement, refusedValues } from './refused-callers.ts';
import {
  eventColumns,
  eventOf,
  eventValues,
  listStatement,
  rangeStatement,
  recordColumns,
  recordOf,
  recordValues,
  spokenStatement,
  toolOf,
} from './rows.ts';
import type { Statement } from './statement.ts';
import type { RecordStore, Removed } from './store.ts';
import { wordsOf } from './words.ts';

export interface PostgresStoreOptions {
  /** postgres://user:password@host:port/database, with `?sslmode=` and the like. */
  readonly url: string;
  readonly prices: PriceList;
  /** Longest wait for a statement, ms. */
  readonly timeoutMs?: number;
  readonly migrations?: readonly PostgresMigration[];
}

const CONNECT_MS = 5_000;
const STATEMENT_MS = 20_000;

const search = {
  condition: 'id IN (SELECT call_id FROM call_words WHERE words @@ ?::tsquery)',
  value: (word: string) => `'${word}':*`,
};

/** `(a, b) SELECT * FROM unnest(…)`: any number of rows by one statement with an array for each column. */
function bulk(table: string, columns: readonly string[], types: readonly string[]): string {
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
  return `INSERT INTO ${table} (${columns.join(', ')}) SELECT * FROM unnest(${arrays})`;
}

const transposed = (rows: readonly unknown[][], width: number): unknown[][] =>
  Array.from({ length: width }, (_, i) => rows.map((row) => row[i]));

const EVENT_TYPES = ['text', 'text', 'int', 'bigint', 'float8', 'text', 'jsonb'];
const INSERT_EVENTS = `${bulk('call_events', eventColumns, EVENT_TYPES)} ON CONFLICT (call_id, id) DO NOTHING RETURNING id`;
const typeOf = (column: string): string => {
  if (column === 'detail') return 'jsonb';
  if (/_ms$|^cost$/.test(column)) return 'float8';
  if (/_at$|^tokens_/.test(column)) return 'bigint';
  return /^(events|turns|barge_ins|tool_calls|a\d+)$/.test(column) ? 'int' : 'text';
};
/** Any number of rows, each in place of the one that has its key, by one statement. */
const putting = (table: string, columns: readonly string[], key: string): string =>
  `${bulk(table, columns, columns.map(typeOf))} ON CONFLICT (${key}) DO UPDATE SET ${columns
    .filter((name) => name !== key)
    .map((name) => `${name} = excluded.${name}`)
    .join(', ')}`;
const PUT_RECORDS = putting('call_records', recordColumns, 'id');
const PUT_FIGURES = putting('call_figures', figureColumns, 'call_id');
const ADD_REFUSED = `${bulk('call_refused', refusedColumns, ['text', 'bigint', 'text', 'text', 'text', 'text', 'text', 'int'])}
  ON CONFLICT (id) DO NOTHING`;
/** The database's own clock: those of the fleet's machines need not agree. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** Records in PostgreSQL, shared by any number of processes. */
export function postgresRecordStore(options: PostgresStoreOptions): RecordStore {
  const { url, prices, timeoutMs = STATEMENT_MS, migrations = postgresMigrations } = options;
  const pool = createPool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: Math.min(CONNECT_MS, timeoutMs),
    query_timeout: timeoutMs + 1_000,
    statement_timeout: timeoutMs,
    idle_in_transaction_session_timeout: 2 * timeoutMs,
    application_name: 'voicebridge',
    keepAlive: true,
    allowExitOnIdle: true,
  });
  const { open, withClient, close } = postgresClients(pool, (client) => migrate(client, migrations));

  async function transaction<T>(work: (client: Queryable) => Promise<T>): Promise<T> {
    await open();
    return withClient(async (client) => {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    });
  }

  async function rows(sql: string, values: readonly unknown[]) {
    await open();
    return withClient(async (client) => (await client.query(sql, values)).rows);
  }

  const asked = ({ sql, values }: Statement) => rows(numbered(sql), values);

  async function put(client: Queryable, records: readonly CallRecord[]): Promise<void> {
    await client.query(PUT_RECORDS, transposed(records.map(recordValues), recordColumns.length));
    await client.query(PUT_FIGURES, transposed(records.map(figureValues), figureColumns.length));
  }

  /** Two that change the same calls wait for each other: a record that is not there yet has no row to be locked. `calls` are in order. */
  const lock = (client: Queryable, calls: readonly string[]) =>
    client.query('SELECT pg_advisory_xact_lock(hashtextextended(id, 0)) FROM unnest($1::text[]) AS t (id)', [calls]);

  async function removeAll(client: Queryable, ids: readonly unknown[]): Promise<void> {
    await client.query(
      `INSERT INTO removed_calls (id, removed_at) SELECT id, ${NOW} FROM unnest($1::text[]) AS t (id)
       ON CONFLICT (id) DO UPDATE SET removed_at = excluded.removed_at`,
      [ids],
    );
    for (const table of ['call_words', 'call_events', 'call_tools', 'call_figures'])
      await client.query(`DELETE FROM ${table} WHERE call_id = ANY($1)`, [ids]);
    await client.query('DELETE FROM call_records WHERE id = ANY($1)', [ids]);
  }

  return {
    kind: 'postgres',
    open,
    append: (instance, events) =>
      transaction(async (client) => {
        if (events.length === 0) return;
        const calls = [...new Set(events.map((event) => event.callId))].sort();
        await lock(client, calls);
        const removed = await client.query('SELECT id FROM removed_calls WHERE id = ANY($1)', [calls]);
        const gone = new Set(removed.rows.map((row) => row['id']));
        const wanted = events.filter((event) => !gone.has(event.callId));
        const inserted = await client.query(INSERT_EVENTS, transposed(wanted.map(eventValues), eventColumns.length));
        const fresh = new Set(inserted.rows.map((row) => row['id']));
        // The same event twice in one batch was inserted once and must be counted once.
        const added = wanted.filter((event) => fresh.delete(event.id));
        if (added.length === 0) return;
        const found = await client.query('SELECT * FROM call_records WHERE id = ANY($1) ORDER BY id FOR UPDATE', [
          calls,
        ]);
        const records = new Map(found.rows.map((row) => [String(row['id']), recordOf(row)]));
        const spoken: Array<[string, string[]]> = [];
        for (const event of added) {
          const record = records.get(event.callId) ?? newRecord(event.callId, instance, event);
          addEvent(record, event, prices, instance);
          records.set(event.callId, record);
          const words = [...new Set(wordsOf(spokenText(event) ?? ''))];
          if (words.length > 0) spoken.push([event.callId, words]);
        }
        await put(client, [...records.values()]);
        const tools = added.flatMap((event) => {
          const name = toolOf(event);
          return name === undefined ? [] : [[name, event.callId]];
        });
        if (tools.length > 0)
          await client.query(
            `${bulk('call_tools', ['name', 'call_id'], ['text', 'text'])} ON CONFLICT DO NOTHING`,
            transposed(tools, 2),
          );
        if (spoken.length === 0) return;
        await client.query(
          `INSERT INTO call_words (call_id, words)
           SELECT c, array_to_tsvector(string_to_array(w, ' ')) FROM unnest($1::text[], $2::text[]) AS t (c, w)`,
          [spoken.map(([callId]) => callId), spoken.map(([, words]) => words.join(' '))],
        );
      }),
    list: async (query) => (await asked(listStatement(query, search))).map(recordOf),
    async get(callId) {
      const [row] = await rows('SELECT * FROM call_records WHERE id = $1', [callId]);
      return row === undefined ? undefined : recordOf(row);
    },
    events: async (callId, after, limit): Promise<RecordedEvent[]> => {
      const sql = 'SELECT * FROM call_events WHERE call_id = $1 AND id > $2 ORDER BY id LIMIT $3';
      return (await rows(sql, [callId, after ?? '', limit])).map(eventOf);
    },
    between: async (range) => (await asked(rangeStatement(range))).map(eventOf),
    spoken: async (callIds, limit) => (await asked(spokenStatement(callIds, limit))).map(eventOf),
    async overview(query) {
      const { slots, groups, refused } = overviewStatements(query, slotsByBucket);
      return overviewRows({ slots: await asked(slots), groups: await asked(groups), refused: await asked(refused) });
    },
    async addRefused(callers) {
      await rows(ADD_REFUSED, transposed(callers.map(refusedValues), refusedColumns.length));
    },
    refusedCallers: async (query) => (await asked(refusedStatement(query))).map(refusedOf),
    async heartbeat(instance) {
      await rows(
        `INSERT INTO bridge_instances (id, seen_at) VALUES ($1, ${NOW}) ON CONFLICT (id) DO UPDATE SET seen_at = ${NOW}`,
        [instance],
      );
      // Others may come to it at any time.
      return true;
    },
    async silent(silentMs) {
      const found = await rows(`SELECT id FROM bridge_instances WHERE seen_at < ${NOW} - $1::bigint ORDER BY id`, [
        silentMs,
      ]);
      return found.map((row) => String(row['id']));
    },
    closeInterrupted: ({ instances = [], silentMs, except = [] }) =>
      transaction(async (client) => {
        const silent = await client.query(
          `SELECT id FROM bridge_instances WHERE seen_at < ${NOW} - $1::bigint AND id <> ALL($2::text[])
           ORDER BY id FOR UPDATE SKIP LOCKED`,
          [silentMs ?? null, except],
        );
        const gone = [...new Set([...instances, ...silent.rows.map((row) => String(row['id']))])];
        if (gone.length === 0) return [];
        const open = await client.query(
          'SELECT * FROM call_records WHERE instance = ANY($1) AND ended_at IS NULL ORDER BY id FOR UPDATE',
          [gone],
        );
        const records = open.rows.map(recordOf);
        for (const record of records) closeAsLost(record);
        if (records.length > 0) await put(client, records);
        await client.query('DELETE FROM bridge_instances WHERE id = ANY($1)', [gone]);
        return records;
      }),
    removeOlder: (before, limit) =>
      transaction(async (client) => {
        const old = await client.query(
          `SELECT id FROM call_records WHERE started_at < $1 AND ended_at IS NOT NULL
           ORDER BY started_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
          [before, limit],
        );
        const ids = old.rows.map((row) => row['id']);
        if (ids.length > 0) await removeAll(client, ids);
        await client.query('DELETE FROM call_refused WHERE at < $1', [before]);
        return ids.length;
      }),
    remove: (callId) =>
      transaction(async (client) => {
        await lock(client, [callId]);
        const found = await client.query(
          'SELECT id FROM call_records WHERE id = $1 AND ended_at IS NOT NULL FOR UPDATE',
          [callId],
        );
        if (found.rows.length === 0) return false;
        await removeAll(client, [callId]);
        return true;
      }),
    async removed(after, limit): Promise<Removed[]> {
      const found = await rows(
        `SELECT id, removed_at FROM removed_calls WHERE (removed_at, id) > ($1::bigint, $2::text)
         ORDER BY removed_at, id LIMIT $3`,
        [after.at, after.callId, limit],
      );
      return found.map((row) => ({ callId: String(row['id']), at: Number(row['removed_at']) }));
    },
    async forgetRemoved(before) {
      await rows('DELETE FROM removed_calls WHERE removed_at < $1', [before]);
    },
    close,
  };
}
