import { parentPort, workerData } from 'node:worker_threads';
import { type BusinessOptions, businessQueries } from './business.ts';
import { migrations } from './schema.ts';
import { seedExample } from './seed.ts';
import { serveDatabase } from './serve.ts';
import { openDatabase } from './sqlite.ts';

/** The thread of the business's database. */

export interface WorkerStart extends BusinessOptions {
  readonly path: string;
  readonly example: boolean;
  /** How often the folder of knowledge is looked at for changes, ms. */
  readonly knowledgeMs: number;
}

function serve(port: NonNullable<typeof parentPort>, start: WorkerStart): void {
  const db = openDatabase(start.path, migrations);
  if (start.example) seedExample(db, Date.now());
  const queries = businessQueries(db, start);
  queries.knowledge.refresh();
  let refreshed = performance.now();
  serveDatabase(port, db, queries, (area) => {
    if (area !== 'knowledge' || performance.now() - refreshed <= start.knowledgeMs) return;
    queries.knowledge.refresh();
    refreshed = performance.now();
  });
}

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);
