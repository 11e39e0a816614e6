import * as fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type Order, Scribe } from './scribe.ts';

/** The thread of the recordings. */

export interface ScribeStart {
  readonly dir: string;
  readonly minFreeBytes: number;
}

function serve(port: NonNullable<typeof parentPort>, start: ScribeStart): void {
  fs.mkdirSync(start.dir, { recursive: true, mode: 0o700 });
  const scribe = new Scribe({ ...start, fs }, (told) => port.postMessage(told));
  port.on('message', (order: Order) => {
    scribe.take(order);
    if (order.type === 'end') port.close();
  });
}

if (parentPort !== null) serve(parentPort, workerData as ScribeStart);
