import { parentPort } from 'node:worker_threads';
import { startRealtimeServer } from '../simulator/realtime/index.ts';
import { serveThread } from '../thread/serve.ts';

/** The thread of the embedded service: where it listens is all that it is asked. */

if (parentPort !== null) {
  const server = await startRealtimeServer({ port: 0 });
  serveThread(parentPort, {
    answer: () => server.url,
    close: () => void server.close(),
  });
}
