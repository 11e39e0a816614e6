import { parentPort, workerData } from 'node:worker_threads';
import { serveThread, teller } from '../thread/serve.ts';
import { type BusinessOptions, businessQueries } from './business.ts';
import { databaseService } from './queries.ts';
import { migrations } from './schema.ts';
import { seedExample } from './seed.ts';
import { openDatabase } from './sqlite.ts';

/** The thread of the business's database. */

export interface WorkerStart extends BusinessOptions {
  readonly path: string;
  readonly example: boolean;
  /** How often the folder of knowledge is looked at for changes, ms. */
  readonly knowledgeMs: number;
}

function serve(port: NonNullable<typeof parentPort>, start: WorkerStart): void {
  const tell = teller(port);
  const db = openDatabase(start.path, migrations);
  if (start.example) seedExample(db, Date.now());
  const queries = businessQueries(db, start);
  const refresh = () => queries.knowledge.refresh().problems?.forEach(tell);
  refresh();
  let refreshed = performance.now();
  const lookForChanges = (area: string) => {
    if (area !== 'knowledge' || performance.now() - refreshed <= start.knowledgeMs) return;
    refresh();
    refreshed = performance.now();
  };
  serveThread(port, databaseService(db, queries, lookForChanges));
}

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);
