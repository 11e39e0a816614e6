import { WorkerThread } from '../thread/worker-thread.ts';
import type { ServiceAddress } from './assess/client.ts';

/**
 * The embedded simulated service, which speaks, writes down and judges where no other is named. On loopback, started when it is needed, on a thread of its own: it makes
 * speech of words and words of speech while callers are on the line, whose frames may not wait for that.
 */
export class EmbeddedService {
  readonly #thread = new WorkerThread({
    module: new URL('./service-worker.ts', import.meta.url),
    name: 'speech and judge',
    workerData: undefined,
    what: 'the embedded service of tests',
  });

  async address(): Promise<ServiceAddress> {
    return { url: (await this.#thread.ask('address')) as string, key: 'sk-embedded', name: 'embedded' };
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
