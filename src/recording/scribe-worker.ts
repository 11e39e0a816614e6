import * as fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { serveThread, teller } from '../thread/serve.ts';
import { type Order, type Question, Scribe } from './scribe.ts';

/** The thread of the recordings. */

export interface ScribeStart {
  readonly dir: string;
  readonly minFreeBytes: number;
}

function serve(port: NonNullable<typeof parentPort>, start: ScribeStart): void {
  fs.mkdirSync(start.dir, { recursive: true, mode: 0o700 });
  const scribe = new Scribe({ ...start, fs }, teller(port));
  serveThread(port, {
    answer: (question) => scribe.answer(question as Question),
    take: (order) => scribe.take(order as Order),
    close: () => scribe.close(),
  });
}

if (parentPort !== null) serve(parentPort, workerData as ScribeStart);
