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
  readonly sql?: string;
  /** What SQL cannot say; after `sql`, in the same transaction. */
  readonly run?: (db: DatabaseSync) => void;
}

/** How long a statement waits for another process's lock, ms. */
const BUSY_MS = 5_000;

/**
 * Opens the database file (made, with its folder, when it is missing; readable by its owner alone, because it holds what callers said) and
 * brings its schema up to date. `:memory:` is a database that ends with its connection. Throws CONFIG_INVALID when that cannot be done,
 * STORE_SCHEMA_NEWER when a newer version of this program wrote it. `tell` hears what the operator should see to.
 *
 * What is deleted is overwritten: https://www.sqlite.org/pragma.html#pragma_secure_delete. A full-text index does so by a setting of its own,
 * and the write-ahead log by `forgetDeleted`.
 */
export function openDatabase(
  path: string,
  migrations: readonly Migration[],
  tell: (notice: string) => void = () => {},
): DatabaseSync {
  try {
    const fresh = path !== ':memory:' && !existsSync(path);
    if (fresh) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: true });
    if (fresh) chmodSync(path, 0o600);
    // WAL: readers never wait for a writer. NORMAL: a power cut may lose the last commits but never damages the file.
    // https://www.sqlite.org/wal.html#performance_considerations
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;');
    migrate(db, migrations);
    vacuumOnce(db, fresh, (problem) => tell(`${path}: ${problem}`));
    return db;
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    throw new BridgeError('CONFIG_INVALID', `the database ${path} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** `user_version` of a file in whose pages nothing is left from before deleted content was overwritten. */
const OVERWRITES = 1;
/** Larger files are not rewritten while somebody waits for the start, bytes. */
const VACUUM_MOST = 1024 ** 3;

/** A file from before has deleted content in its free space: it is written anew, once. https://www.sqlite.org/lang_vacuum.html */
function vacuumOnce(db: DatabaseSync, fresh: boolean, tell: (problem: string) => void): void {
  const number = (pragma: string) => Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  if (number('user_version') >= OVERWRITES) return;
  try {
    if (!fresh) {
      if (number('page_count') * number('page_size') > VACUUM_MOST) throw new Error('the file is large');
      db.exec('VACUUM');
      forgetDeleted(db);
    }
    db.exec(`PRAGMA user_version = ${OVERWRITES}`);
  } catch (error) {
    // A full disk or another process is no reason to take no calls. It is tried again at the next start.
    tell(
      `what was deleted by earlier versions may still be in its free space (${errorMessage(error)}): stop the daemon and run sqlite3 FILE "VACUUM; PRAGMA user_version = ${OVERWRITES}"`,
    );
  }
}

/**
 * Empties the write-ahead log, which still has the pages as they were before something was deleted. Where another process is reading, it
 * stays until the next time. Returns whether it is empty. https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */
export function forgetDeleted(db: DatabaseSync): boolean {
  return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
}

function migrate(db: DatabaseSync, migrations: readonly Migration[]): void {
  db.exec('CREATE TABLE IF NOT EXISTS migrations (id TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT');
  const applied = db.prepare('SELECT 1 FROM migrations WHERE id = ?');
  const note = db.prepare('INSERT INTO migrations (id, applied_at) VALUES (?, ?)');
  for (const { id, sql = '', run } of migrations) {
    // Asked again under the write lock: two processes may start on the same file at the same moment.
    transaction(db, () => {
      if (applied.get(id) !== undefined) return;
      db.exec(sql);
      run?.(db);
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
