import { parentPort, workerData } from 'node:worker_threads';
import { databaseService } from '../stores/queries.ts';
import { openDatabase } from '../stores/sqlite.ts';
import { serveThread, teller } from '../thread/serve.ts';
import type { PriceList } from './costs.ts';
import { recordQueries } from './sqlite-queries.ts';
import { recordMigrations } from './sqlite-schema.ts';

/** The thread of the records' database. */

export interface RecordWorkerStart {
  readonly path: string;
  readonly prices: PriceList;
}

if (parentPort !== null) {
  const { path, prices } = workerData as RecordWorkerStart;
  const db = openDatabase(path, recordMigrations, teller(parentPort));
  // What is stored is removed from the spool, so a commit must be on the disk itself: some five a second, on this thread alone.
  db.exec('PRAGMA synchronous = FULL');
  serveThread(parentPort, databaseService(db, { records: recordQueries(db, prices) }));
}
