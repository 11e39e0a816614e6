import { parentPort } from 'node:worker_threads';
import { serveThread } from '../thread/serve.ts';
import { measure } from './measure.ts';
import type { MeasureQuestion } from './measurer.ts';

/** The thread of the measures. */

if (parentPort !== null) {
  serveThread(parentPort, {
    answer(question) {
      const { tape, options } = question as MeasureQuestion;
      return measure(tape, options);
    },
    close() {},
  });
}
