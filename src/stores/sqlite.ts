import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError, errorMessage } from '../errors.ts';

/**
 * The embedded database. Every call here is synchronous, so a daemon that carries audio uses it from a thread of its own (`store.ts`):
 * waiting for another process's write lock or for a checkpoint's fsync would otherwise hold up every call's frames.
 */

/** One step of the schema. Steps are applied once, in order of `id`, each in a transaction. */
export interface Migration {
  /** "0001-business"; never changed once it was released. */
  readonly id: string;
  readonly sql: string;
}

/** How long a statement waits for another process's lock, ms. */
const BUSY_MS = 5_000;

/**
 * Opens the database file (made, with its folder, when it is missing; readable by its owner alone, because it holds what callers said) and
 * brings its schema up to date. `:memory:` is a database that ends with its connection. Throws CONFIG_INVALID when that cannot be done,
 * STORE_SCHEMA_NEWER when a newer version of this program wrote it.
 */
export function openDatabase(path: string, migrations: readonly Migration[]): DatabaseSync {
  try {
    const fresh = path !== ':memory:' && !existsSync(path);
    if (fresh) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: true });
    if (fresh) chmodSync(path, 0o600);
    // WAL: readers never wait for a writer. NORMAL: a power cut may lose the last commits but never damages the file.
    // https://www.sqlite.org/wal.html#performance_considerations
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    migrate(db, migrations);
    return db;
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    throw new BridgeError('CONFIG_INVALID', `the database ${path} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function migrate(db: DatabaseSync, migrations: readonly Migration[]): void {
  db.exec('CREATE TABLE IF NOT EXISTS migrations (id TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT');
  const applied = db.prepare('SELECT 1 FROM migrations WHERE id = ?');
  const note = db.prepare('INSERT INTO migrations (id, applied_at) VALUES (?, ?)');
  for (const { id, sql } of migrations) {
    // Asked again under the write lock: two processes may start on the same file at the same moment.
    transaction(db, () => {
      if (applied.get(id) !== undefined) return;
      db.exec(sql);
      note.run(id, Date.now());
    });
  }
  const last = migrations.at(-1)?.id ?? '';
  const ahead = db.prepare('SELECT id FROM migrations WHERE id > ? ORDER BY id DESC LIMIT 1').get(last);
  if (ahead !== undefined) {
    throw new BridgeError(
      'STORE_SCHEMA_NEWER',
      `the database was written by a newer version (${ahead['id']}); this one knows ${last || 'nothing'}`,
    );
  }
}

/** Runs `work` while holding the write lock: it sees the last commit, and all of it is kept or none. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk may already have rolled the transaction back.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
