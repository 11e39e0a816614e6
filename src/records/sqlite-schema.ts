import type { Migration } from '../stores/sqlite.ts';
import { delayPartsSql, delaysSql, figureColumnsSql } from './figures-schema.ts';

/** The tables of records in SQLite. Moments are ms since 1970. `detail` and `data` are JSON. */

const records = `
CREATE TABLE call_records (
  id TEXT PRIMARY KEY,
  instance TEXT NOT NULL,
  direction TEXT,
  carrier TEXT,
  carrier_call_id TEXT,
  from_number TEXT,
  to_number TEXT,
  route TEXT,
  prompt TEXT,
  model TEXT,
  conversation_id TEXT,
  started_at INTEGER NOT NULL,
  answered_at INTEGER,
  ended_at INTEGER,
  duration_ms REAL,
  result TEXT,
  reason TEXT,
  last_at INTEGER NOT NULL,
  last_offset_ms REAL NOT NULL,
  events INTEGER NOT NULL,
  turns INTEGER NOT NULL,
  barge_ins INTEGER NOT NULL,
  tool_calls INTEGER NOT NULL,
  cost REAL,
  currency TEXT,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX call_records_by_start ON call_records (started_at, id);
CREATE INDEX call_records_open ON call_records (instance) WHERE ended_at IS NULL;
CREATE INDEX call_records_by_from ON call_records (from_number);
CREATE INDEX call_records_by_to ON call_records (to_number);

-- An event's id is never given twice, and an event is of one call: the pair is what makes storing it again do nothing.
CREATE TABLE call_events (
  call_id TEXT NOT NULL,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  offset_ms REAL NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (call_id, id)
) STRICT;

CREATE TABLE call_words (
  id INTEGER PRIMARY KEY,
  call_id TEXT NOT NULL,
  words TEXT NOT NULL
) STRICT;
CREATE INDEX call_words_by_call ON call_words (call_id);
-- The words were prepared for searching already: https://www.sqlite.org/fts5.html#external_content_tables
CREATE VIRTUAL TABLE call_words_index USING fts5 (
  words, content = 'call_words', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 0', detail = none
);
CREATE TRIGGER call_words_added AFTER INSERT ON call_words BEGIN
  INSERT INTO call_words_index (rowid, words) VALUES (new.id, new.words);
END;
CREATE TRIGGER call_words_removed AFTER DELETE ON call_words BEGIN
  INSERT INTO call_words_index (call_words_index, rowid, words) VALUES ('delete', old.id, old.words);
END;

CREATE TABLE bridge_instances (
  id TEXT PRIMARY KEY,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** For the replay of all calls' events, which asks by id alone, and of a conversation's. */
const eventsById = `
CREATE INDEX call_events_by_id ON call_events (id);
CREATE INDEX call_records_by_conversation ON call_records (conversation_id) WHERE conversation_id IS NOT NULL;
`;

/** Which calls were removed: what a process still holds of them goes, and what it has not stored yet is not stored any more. */
const removedCalls = `
CREATE TABLE removed_calls (
  id TEXT PRIMARY KEY,
  removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX removed_calls_by_time ON removed_calls (removed_at, id);
`;

/** The index forgets at once what is deleted of it: https://www.sqlite.org/fts5.html#the_secure_delete_configuration_option */
const forgetfulIndex = `
INSERT INTO call_words_index (call_words_index, rank) VALUES ('secure-delete', 1);
INSERT INTO call_words_index (call_words_index) VALUES ('rebuild');
`;

/** Whether somebody withheld who he is, or nobody was asked: both have no number. */
const callerKind = 'ALTER TABLE call_records ADD COLUMN caller_kind TEXT;';

/** Whose calls they are, where one daemon serves several customers. */
const tenant = `
ALTER TABLE call_records ADD COLUMN tenant_id TEXT;
CREATE INDEX call_records_by_tenant ON call_records (tenant_id) WHERE tenant_id IS NOT NULL;
`;

/**
 * What overviews count, which tools were run, and who was refused; of calls that were recorded before, too. The figures have a table of their own: a
 * record is ten times as wide.
 */
const figures = `
ALTER TABLE call_records ADD COLUMN slowest_answer_ms REAL;
CREATE INDEX call_records_by_prompt ON call_records (prompt, started_at, id);

CREATE TABLE call_figures (
  call_id TEXT PRIMARY KEY,
  ${figureColumnsSql({ text: 'TEXT', whole: 'INTEGER', real: 'REAL' })}
) STRICT;
CREATE TABLE call_tools (
  name TEXT NOT NULL,
  call_id TEXT NOT NULL,
  PRIMARY KEY (name, call_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_tools_by_call ON call_tools (call_id);
CREATE TABLE call_refused (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  instance TEXT NOT NULL,
  reason TEXT NOT NULL,
  carrier TEXT,
  from_number TEXT,
  to_number TEXT,
  calls INTEGER NOT NULL
) STRICT;
CREATE INDEX call_refused_by_time ON call_refused (at, reason, carrier, calls);

CREATE TEMP TABLE waits AS SELECT call_id, max(0, json_extract(data, '$.heardMs')
  - coalesce(json_extract(data, '$.callerStoppedMs'), json_extract(data, '$.detectedMs'))) AS ms
  FROM call_events WHERE type = 'turn';
CREATE TEMP TABLE delays AS SELECT call_id, max(ms) AS slowest, ${delaysSql('ms')} FROM waits WHERE ms IS NOT NULL GROUP BY call_id;
CREATE UNIQUE INDEX temp.delays_by_call ON delays (call_id);
UPDATE call_records SET slowest_answer_ms = d.slowest, detail = json_set(detail, '$.answers', json_array(${delayPartsSql('d.')}))
  FROM delays d WHERE d.call_id = call_records.id;
INSERT INTO call_figures SELECT r.id, r.started_at, r.carrier, r.route, r.prompt, r.model, r.result, r.reason, r.currency,
  r.duration_ms, r.cost, r.turns, r.barge_ins, r.tool_calls,
  coalesce(json_extract(detail, '$.usage.inputTextTokens') + json_extract(detail, '$.usage.inputAudioTokens'), 0),
  coalesce(json_extract(detail, '$.usage.cachedTokens'), 0),
  coalesce(json_extract(detail, '$.usage.outputTextTokens') + json_extract(detail, '$.usage.outputAudioTokens'), 0),
  ${delayPartsSql('d.', 0)} FROM call_records r LEFT JOIN delays d ON d.call_id = r.id;
DROP TABLE temp.delays;
DROP TABLE temp.waits;
INSERT OR IGNORE INTO call_tools SELECT json_extract(data, '$.name'), call_id FROM call_events
  WHERE type = 'tool.tool_started' AND json_extract(data, '$.name') IS NOT NULL;
CREATE INDEX call_figures_by_start ON call_figures (started_at);
`;

export const recordMigrations: readonly Migration[] = [
  { id: '0001-records', sql: records },
  { id: '0002-events-by-id', sql: eventsById },
  { id: '0003-removed-calls', sql: removedCalls },
  { id: '0004-forgetful-index', sql: forgetfulIndex },
  { id: '0005-caller-kind', sql: callerKind },
  { id: '0006-tenant', sql: tenant },
  { id: '0007-figures', sql: figures },
];
