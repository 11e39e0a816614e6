import { parentPort, workerData } from 'node:worker_threads';
import { type BusinessOptions, businessQueries } from './business.ts';
import { migrations } from './schema.ts';
import { seedExample } from './seed.ts';
import { openDatabase } from './sqlite.ts';

/** The database's thread: opens the file, answers requests one after the other, closes when told. */

export interface WorkerStart extends BusinessOptions {
  readonly path: string;
  readonly example: boolean;
  /** How often the folder of knowledge is looked at for changes, ms. */
  readonly knowledgeMs: number;
}

export type Request =
  | { readonly id: number; readonly area: string; readonly name: string; readonly args: unknown[] }
  | 'close';
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly stack: string | undefined } };

function serve(port: NonNullable<typeof parentPort>, start: WorkerStart): void {
  const db = openDatabase(start.path, migrations);
  if (start.example) seedExample(db, Date.now());
  const queries = businessQueries(db, start);
  queries.knowledge.refresh();
  let refreshed = performance.now();

  port.on('message', (request: Request) => {
    if (request === 'close') {
      db.close();
      port.close();
      return;
    }
    const { id, area, name, args } = request;
    try {
      if (area === 'knowledge' && performance.now() - refreshed > start.knowledgeMs) {
        queries.knowledge.refresh();
        refreshed = performance.now();
      }
      const functions = queries[area as keyof typeof queries] as Record<string, (...args: unknown[]) => unknown>;
      if (!Object.hasOwn(functions, name)) throw new Error(`no query ${area}.${name}`);
      port.postMessage({ id, value: functions[name]!(...args) } satisfies Answer);
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      port.postMessage({ id, error: { message, stack } } satisfies Answer);
    }
  });
  port.postMessage('ready');
}

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);
