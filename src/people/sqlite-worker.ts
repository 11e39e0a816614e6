import { parentPort, workerData } from 'node:worker_threads';
import { databaseService } from '../stores/queries.ts';
import { type Migration, openDatabase, transaction } from '../stores/sqlite.ts';
import { serveThread, teller } from '../thread/serve.ts';
import { goodNames, type Statement } from './rows.ts';

/** The thread of the database of people. */

/** Moments are ms since 1970. */
const people = `
CREATE TABLE bridge_people (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  revoked_at INTEGER,
  digest TEXT NOT NULL
) STRICT;

CREATE TABLE bridge_audit (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  person_id TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  status INTEGER NOT NULL,
  address TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bridge_audit_by_target ON bridge_audit (target, id) WHERE target IS NOT NULL;
CREATE INDEX bridge_audit_by_person ON bridge_audit (person_id, id);
CREATE INDEX bridge_audit_by_time ON bridge_audit (at);
`;

const migrations: readonly Migration[] = [
  { id: '0001-people', sql: people },
  { id: '0002-good-names', sql: goodNames('TEXT') },
];

if (parentPort !== null) {
  const { path } = workerData as { readonly path: string };
  const db = openDatabase(path, migrations, teller(parentPort));
  // A token that was revoked must stay so whatever happens to the machine.
  db.exec('PRAGMA synchronous = FULL');
  const all = ({ sql, values }: Statement) => db.prepare(sql).all(...values);
  serveThread(
    parentPort,
    databaseService(db, {
      people: {
        all,
        run: (statements: readonly Statement[]) => transaction(db, () => void statements.forEach(all)),
      },
    }),
  );
}
