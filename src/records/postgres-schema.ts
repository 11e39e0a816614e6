import { BridgeError } from '../errors.ts';
import { delayPartsSql, delaysSql, figureColumnsSql } from './figures-schema.ts';
import type { Queryable } from './postgres-client.ts';

/** The tables of records in PostgreSQL: those of SQLite in its own types. Event ids are compared byte by byte, hence the collation. */

export interface PostgresMigration {
  /** "0001-records"; never changed once it was released. */
  readonly id: string;
  readonly sql: string;
}

const records = `
CREATE TABLE call_records (
  id text COLLATE "C" PRIMARY KEY,
  instance text NOT NULL,
  direction text,
  carrier text,
  carrier_call_id text,
  from_number text,
  to_number text,
  route text,
  prompt text,
  model text,
  conversation_id text,
  started_at bigint NOT NULL,
  answered_at bigint,
  ended_at bigint,
  duration_ms double precision,
  result text,
  reason text,
  last_at bigint NOT NULL,
  last_offset_ms double precision NOT NULL,
  events integer NOT NULL,
  turns integer NOT NULL,
  barge_ins integer NOT NULL,
  tool_calls integer NOT NULL,
  cost double precision,
  currency text,
  detail jsonb NOT NULL
);
CREATE INDEX call_records_by_start ON call_records (started_at, id);
CREATE INDEX call_records_open ON call_records (instance) WHERE ended_at IS NULL;
CREATE INDEX call_records_by_from ON call_records (from_number);
CREATE INDEX call_records_by_to ON call_records (to_number);

CREATE TABLE call_events (
  call_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  at bigint NOT NULL,
  offset_ms double precision NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  PRIMARY KEY (call_id, id)
);

CREATE TABLE call_words (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  call_id text COLLATE "C" NOT NULL,
  words tsvector NOT NULL
);
CREATE INDEX call_words_by_call ON call_words (call_id);
CREATE INDEX call_words_by_word ON call_words USING gin (words);

CREATE TABLE bridge_instances (
  id text COLLATE "C" PRIMARY KEY,
  seen_at bigint NOT NULL
);
`;

/** For the replay of all calls' events, which asks by id alone, and of a conversation's. */
const eventsById = `
CREATE INDEX call_events_by_id ON call_events (id);
CREATE INDEX call_records_by_conversation ON call_records (conversation_id) WHERE conversation_id IS NOT NULL;
`;

/** Which calls were removed: what a process still holds of them goes, and what it has not stored yet is not stored any more. */
const removedCalls = `
CREATE TABLE removed_calls (
  id text COLLATE "C" PRIMARY KEY,
  removed_at bigint NOT NULL
);
CREATE INDEX removed_calls_by_time ON removed_calls (removed_at, id);
`;

/** As in SQLite. */
const callerKind = 'ALTER TABLE call_records ADD COLUMN caller_kind text;';

/** As in SQLite. */
const tenant = `
ALTER TABLE call_records ADD COLUMN tenant_id text;
CREATE INDEX call_records_by_tenant ON call_records (tenant_id) WHERE tenant_id IS NOT NULL;
`;

/** As in SQLite. */
const figures = `
ALTER TABLE call_records ADD COLUMN slowest_answer_ms double precision;
CREATE INDEX call_records_by_prompt ON call_records (prompt, started_at, id);

CREATE TABLE call_figures (
  call_id text COLLATE "C" PRIMARY KEY,
  ${figureColumnsSql({ text: 'text', whole: 'bigint', real: 'double precision' })}
);
CREATE TABLE call_tools (
  name text NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (name, call_id)
);
CREATE INDEX call_tools_by_call ON call_tools (call_id);
CREATE TABLE call_refused (
  id text COLLATE "C" PRIMARY KEY,
  at bigint NOT NULL,
  instance text NOT NULL,
  reason text NOT NULL,
  carrier text,
  from_number text,
  to_number text,
  calls integer NOT NULL
);
CREATE INDEX call_refused_by_time ON call_refused (at, reason, carrier, calls);

CREATE TEMP TABLE delays ON COMMIT DROP AS
  WITH waits AS (SELECT call_id, greatest(0, (data->>'heardMs')::float8
    - coalesce(data->>'callerStoppedMs', data->>'detectedMs')::float8) AS ms FROM call_events
    WHERE type = 'turn' AND data->>'heardMs' IS NOT NULL AND coalesce(data->>'callerStoppedMs', data->>'detectedMs') IS NOT NULL)
  SELECT call_id, max(ms) AS slowest, ${delaysSql('ms')} FROM waits GROUP BY call_id;
CREATE UNIQUE INDEX ON delays (call_id);
UPDATE call_records SET slowest_answer_ms = d.slowest, detail = detail || jsonb_build_object('answers', jsonb_build_array(${delayPartsSql('d.')}))
  FROM delays d WHERE d.call_id = call_records.id;
INSERT INTO call_figures SELECT r.id, r.started_at, r.carrier, r.route, r.prompt, r.model, r.result, r.reason, r.currency,
  r.duration_ms, r.cost, r.turns, r.barge_ins, r.tool_calls,
  coalesce((detail#>>'{usage,inputTextTokens}')::bigint + (detail#>>'{usage,inputAudioTokens}')::bigint, 0),
  coalesce((detail#>>'{usage,cachedTokens}')::bigint, 0),
  coalesce((detail#>>'{usage,outputTextTokens}')::bigint + (detail#>>'{usage,outputAudioTokens}')::bigint, 0),
  ${delayPartsSql('d.', 0)} FROM call_records r LEFT JOIN delays d ON d.call_id = r.id;
INSERT INTO call_tools SELECT data->>'name', call_id FROM call_events
  WHERE type = 'tool.tool_started' AND data->>'name' IS NOT NULL ON CONFLICT DO NOTHING;
CREATE INDEX call_figures_by_start ON call_figures (started_at);
`;

export const postgresMigrations: readonly PostgresMigration[] = [
  { id: '0001-records', sql: records },
  { id: '0002-events-by-id', sql: eventsById },
  { id: '0003-removed-calls', sql: removedCalls },
  { id: '0004-caller-kind', sql: callerKind },
  { id: '0005-tenant', sql: tenant },
  { id: '0006-figures', sql: figures },
];

/** Key of the advisory lock under which the schema is changed: any number that nobody else in the database takes. */
const MIGRATION_LOCK = 7_468_237_661;
/** How long a step may take, ms: an index over years of events takes longer than any other statement may. */
const STEP_MS = 3_600_000;

/**
 * Brings the schema up to date, all steps or none; of several processes that start at once one does it and the others wait for it. Rejects
 * with STORE_SCHEMA_NEWER when a newer version of this program has been here. `table`: where it is noted which steps there were.
 */
export async function migrate(
  client: Queryable,
  migrations: readonly PostgresMigration[],
  table = 'record_migrations',
): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL statement_timeout = ${STEP_MS}`);
    // Another process may be at it.
    await client.query(patient(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`));
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${table} (id text COLLATE "C" PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const applied = new Set((await client.query(`SELECT id FROM ${table}`)).rows.map((row) => row['id']));
    const known = new Set(migrations.map(({ id }) => id));
    const ahead = [...applied].find((id) => !known.has(String(id)));
    if (ahead !== undefined) {
      throw new BridgeError('STORE_SCHEMA_NEWER', `the database was written by a newer version (${String(ahead)})`);
    }
    for (const { id, sql } of migrations) {
      if (applied.has(id)) continue;
      await client.query(patient(sql));
      await client.query(`INSERT INTO ${table} (id) VALUES ($1)`, [id]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** The client waits as long as the server works. */
const patient = (text: string) => ({ text, query_timeout: STEP_MS });
