import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresMigrations } from '../../src/records/postgres-schema.ts';
import { postgresRecordStore } from '../../src/records/postgres-store.ts';
import { eventColumns, eventValues, rangeStatement } from '../../src/records/rows.ts';
import { recordMigrations } from '../../src/records/sqlite-schema.ts';
import { sqliteRecordStore } from '../../src/records/sqlite-store.ts';
import type { EventRange, RecordStore } from '../../src/records/store.ts';
import { openDatabase } from '../../src/stores/sqlite.ts';
import { recordOverviewContract } from '../contract/record-overview.ts';
import { type RecordStoreRig, recordStoreContract } from '../contract/record-store.ts';
import { PRICES, Telling } from '../fakes/record-events.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';

/** One suite over both databases; PostgreSQL is a real server of the test's own. */

const lpad = (n: number) => String(n).padStart(12, '0');
const tempFolder = () => mkdtempSync(join(tmpdir(), 'voicebridge-records-'));

/** Opens stores by `make` and closes them all. */
function placeOf(make: () => RecordStore, remove: () => void = () => {}) {
  const stores: RecordStore[] = [];
  return {
    async open() {
      const store = make();
      stores.push(store);
      await store.open();
      return store;
    },
    async close() {
      for (const store of stores) await store.close();
      remove();
    },
  };
}

const sqlite: RecordStoreRig = {
  async place() {
    const folder = tempFolder();
    const path = join(folder, 'records.db');
    return placeOf(
      () => sqliteRecordStore({ path, prices: PRICES }),
      () => rmSync(folder, { recursive: true }),
    );
  },
};
recordStoreContract('SQLite', sqlite);
recordOverviewContract('SQLite', sqlite);

describe('SQLite', () => {
  /** Where among a database's files a word can still be read. */
  const readable = (folder: string, word: string) =>
    readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(word));

  it.each([
    ['removed by its id', (store: RecordStore, id: string) => store.remove(id)],
    ['removed for its age', (store: RecordStore) => store.removeOlder(Number.MAX_SAFE_INTEGER, 10)],
  ])('leaves no word of a call that was %s in its files, while it is open', async (_, remove) => {
    const folder = tempFolder();
    const store = sqliteRecordStore({ path: join(folder, 'records.db'), prices: PRICES });
    await store.open();
    const telling = new Telling();
    for (const [id, word] of [
      ['c1', 'zanzibarquux'],
      ['c2', 'harmlessword'],
    ] as const) {
      telling.start(id);
      telling.turn(id, `They call me ${word}.`, `Hello, ${word}!`);
      telling.end(id);
    }
    await store.append('i', telling.told);
    expect(readable(folder, 'zanzibarquux')).not.toEqual([]);
    await remove(store, 'c1');
    expect(await store.list({ text: 'zanzibarquux', limit: 10 })).toEqual([]);
    expect(readable(folder, 'zanzibarquux')).toEqual([]);
    expect(readable(folder, 'zanzib')).toEqual([]);
    await store.close();
    expect(readable(folder, 'zanzibarquux')).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('leaves none with the next sign of life either, where another process was reading as the call was removed', async () => {
    const folder = tempFolder();
    const path = join(folder, 'records.db');
    const store = sqliteRecordStore({ path, prices: PRICES });
    await store.open();
    const telling = new Telling();
    telling.start('c1');
    telling.turn('c1', 'They call me zanzibarquux.', 'Hello!');
    telling.end('c1');
    await store.append('i', telling.told);
    const reader = new DatabaseSync(path);
    reader.exec('BEGIN; SELECT count(*) FROM call_words');
    await store.remove('c1');
    expect(readable(folder, 'zanzibarquux')).not.toEqual([]);
    expect(await store.heartbeat('i'), 'it is tried again soon').toBe(true);
    reader.exec('COMMIT');
    reader.close();
    expect(await store.heartbeat('i'), 'nothing is to be looked after').toBe(false);
    expect(readable(folder, 'zanzibarquux')).toEqual([]);
    await store.close();
    rmSync(folder, { recursive: true });
  }, 20_000);

  it('rewrites a file from before, in whose free space removed words are, once', async () => {
    const folder = tempFolder();
    const path = join(folder, 'records.db');
    const before = openDatabase(path, recordMigrations.slice(0, 3));
    before.exec('PRAGMA secure_delete = OFF; PRAGMA user_version = 0');
    const insert = before.prepare('INSERT INTO call_words (call_id, words) VALUES (?, ?)');
    for (let i = 0; i < 500; i++) insert.run(`c${i % 2}`, i % 2 === 0 ? `zanzibarquux ${i}` : `harmlessword ${i}`);
    before.exec("DELETE FROM call_words WHERE call_id = 'c0'");
    before.close();
    expect(readable(folder, 'zanzibarquux')).toEqual(['records.db']);
    const store = sqliteRecordStore({ path, prices: PRICES });
    await store.open();
    expect(readable(folder, 'zanzib')).toEqual([]);
    expect(readable(folder, 'harmlessword')).toContain('records.db');
    await store.close();
    const after = new DatabaseSync(path);
    expect(
      after.prepare("SELECT count(*) AS n FROM call_words_index WHERE call_words_index MATCH 'harmlessword'").get(),
    ).toEqual({ n: 250 });
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
    after.close();
    rmSync(folder, { recursive: true });
  });

  it('refuses a file that a newer version wrote, with its code', async () => {
    const folder = tempFolder();
    const path = join(folder, 'records.db');
    const store = sqliteRecordStore({ path, prices: PRICES });
    await store.open();
    await store.close();
    const db = new DatabaseSync(path);
    db.exec("INSERT INTO migrations (id, applied_at) VALUES ('9999-later', 1)");
    db.close();
    const again = sqliteRecordStore({ path, prices: PRICES });
    await expect(again.open()).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
    await again.close();
    rmSync(folder, { recursive: true });
  });

  it('of the first version gets the indexes of the later ones, and finds events of all calls by them', async () => {
    const folder = tempFolder();
    const path = join(folder, 'records.db');
    const first = openDatabase(path, recordMigrations.slice(0, 1));
    const told = new Telling().start('c1', { conversationId: 'x' });
    for (const event of told)
      first
        .prepare(`INSERT INTO call_events (${eventColumns.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?)`)
        .run(...eventValues(event));
    first.close();
    const store = sqliteRecordStore({ path, prices: PRICES });
    await store.open();
    expect(await store.between({ after: '0', until: told.at(-1)?.id ?? '', limit: 10 })).toEqual(told);
    await store.close();
    const db = new DatabaseSync(path);
    const planOf = (range: Partial<EventRange>) => {
      const { sql, values } = rangeStatement({ after: '0', until: 'z', limit: 200, ...range });
      return db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map(({ detail }) => detail)
        .join('; ');
    };
    expect(planOf({})).toMatch(/^SEARCH call_events USING INDEX call_events_by_id \(id>\? AND id<\?\)$/);
    expect(planOf({ callId: 'c1' })).toMatch(/SEARCH call_events USING INDEX .*\(call_id=\? AND id>\? AND id<\?\)$/);
    expect(planOf({ conversationId: 'x' })).toMatch(/call_records USING .*INDEX call_records_by_conversation/);
    expect(planOf({ conversationId: 'x' })).toMatch(
      /call_events USING INDEX sqlite_autoindex_call_events_1 \(call_id=\? AND/,
    );
    expect(planOf({ conversationId: 'x' })).not.toMatch(/SCAN/);
    db.close();
    rmSync(folder, { recursive: true });
  });
});

const missing = postgresMissing();

if (missing !== undefined) {
  describe('RecordStore: PostgreSQL', () => {
    it('keeps records in a real server', ({ skip }) => skip(missing));
  });
} else {
  let cluster: PostgresCluster;
  let n = 0;
  beforeAll(async () => {
    cluster = await postgresCluster();
  }, 60_000);
  afterAll(() => cluster?.remove());
  const fresh = () => cluster.database(`records_${n++}`);

  const postgres: RecordStoreRig = {
    async place() {
      const url = fresh();
      return placeOf(() => postgresRecordStore({ url, prices: PRICES }));
    },
  };
  recordStoreContract('PostgreSQL', postgres);
  recordOverviewContract('PostgreSQL', postgres);

  describe('PostgreSQL', () => {
    it('refuses a database that a newer version wrote, with its code, and changes nothing in it', async () => {
      const url = fresh();
      const newer = [...postgresMigrations, { id: '9999-later', sql: 'CREATE TABLE later (id int)' }];
      const store = postgresRecordStore({ url, prices: PRICES, migrations: newer });
      await store.open();
      await store.close();
      const again = postgresRecordStore({ url, prices: PRICES });
      await expect(again.open()).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
      await again.close();
    });

    it('undoes all steps of the schema when one fails', async () => {
      const url = fresh();
      const broken = [...postgresMigrations, { id: '0002-broken', sql: 'CREATE TABLE a (b nonsense)' }];
      const store = postgresRecordStore({ url, prices: PRICES, migrations: broken });
      await expect(store.open()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      await store.close();
      expect(
        cluster.sql(new URL(url).pathname.slice(1), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
      ).toBe('0');
    });

    it('finds events of all calls by their index, also in a database of the first version', async () => {
      const url = fresh();
      const name = new URL(url).pathname.slice(1);
      const first = postgresRecordStore({ url, prices: PRICES, migrations: postgresMigrations.slice(0, 1) });
      await first.open();
      await first.close();
      cluster.sql(
        name,
        `INSERT INTO call_events SELECT 'c' || n % 500, lpad(n::text, 12, '0'), n, n, n, 'barge_in', '{}' FROM generate_series(1, 50000) n`,
      );
      const store = postgresRecordStore({ url, prices: PRICES });
      const page = await store.between({ after: lpad(40_000), until: lpad(50_000), limit: 3 });
      expect(page.map(({ id }) => id)).toEqual([40_001, 40_002, 40_003].map(lpad));
      cluster.sql(name, 'ANALYZE');
      const { sql, values } = rangeStatement({ after: lpad(40_000), until: lpad(50_000), limit: 200 });
      const filled = values.reduce<string>((text, value) => text.replace('?', `'${value}'`), sql);
      const plan = cluster.sql(name, `EXPLAIN ${filled}`);
      expect(plan).toMatch(/Index Scan using call_events_by_id on call_events/);
      expect(plan).not.toMatch(/Seq Scan|Sort/);
      await store.close();
    });

    it('gives a step of the schema the time it takes, more than a statement of every day', async () => {
      const url = fresh();
      const slow = [...postgresMigrations, { id: '9998-slow', sql: 'SELECT pg_sleep(2.5)' }];
      const store = postgresRecordStore({ url, prices: PRICES, migrations: slow, timeoutMs: 2_000 });
      await store.open();
      expect(await store.list({ limit: 1 })).toEqual([]);
      await store.close();
    });

    it('says what an operator must put right, and does not show a password', async () => {
      const url = cluster.url.replace('postgres@', 'nobody:hunter2-canary@').replace(/\/postgres$/, '/nowhere');
      const store = postgresRecordStore({ url, prices: PRICES });
      const error = await store.open().then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      await store.close();
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
      expect(error?.message).not.toContain('canary');
    });

    it('that is down is told as such, and works again by itself', async () => {
      const store = postgresRecordStore({ url: fresh(), prices: PRICES, timeoutMs: 3_000 });
      await store.append('aaaaaa', new Telling().start('c1'));
      cluster.stopAtOnce();
      await expect(store.get('c1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(store.append('aaaaaa', new Telling().start('c2'))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      cluster.start();
      expect(await store.get('c1')).toMatchObject({ id: 'c1' });
      await store.close();
    });
  });
}
