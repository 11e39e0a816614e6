import { WorkerThread } from '../thread/worker-thread.ts';
import type { MeasureOptions, Measures } from './measures.ts';
import type { Tape } from './tape.ts';

/** What the thread is asked. */
export interface MeasureQuestion {
  readonly tape: Tape;
  readonly options: MeasureOptions;
}

/**
 * `measure` on a thread of its own. A minute of conversation is a quarter of a second's work, and a process that has callers on the line may not be away
 * for so long: their audio would be late, and be measured as late.
 */
export class Measurer {
  readonly #thread = new WorkerThread({
    module: new URL('./measure-worker.ts', import.meta.url),
    name: 'measures',
    workerData: undefined,
    what: 'the thread that measures',
  });

  /** As `measure`. Rejects with ABORTED when it is closed or its thread dies before it has measured. */
  async measure(tape: Tape, options: MeasureOptions): Promise<Measures> {
    return (await this.#thread.ask({ tape, options } satisfies MeasureQuestion)) as Measures;
  }

  /** Waits for what was asked, then ends the thread. Idempotent. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
