import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { removeUnusedSpeech } from '../callers/test/speech.ts';
import { errorMessage } from '../errors.ts';
import { RunRefused, type Runs } from './runs.ts';
import { begunAt, type RunStore } from './store.ts';

/** How often it is looked for runs that are too old, ms, and for the first time: a start has enough to do. */
const SWEEP_MS = 3_600_000;
const FIRST_MS = 60_000;

export interface RunKeeperOptions {
  readonly store: Pick<RunStore, 'list' | 'writtenAt'>;
  readonly runs: Pick<Runs, 'remove'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Age at which runs are removed, ms since something of theirs was written last; undefined: never. */
  readonly retentionMs: number | undefined;
  /** Where speech of callers is kept. */
  readonly speechFolder: string;
}

/** Removes runs that are too old, tapes and all, as records and recordings go, and speech that no run had said for as long. Several processes may look through one folder. */
export class RunKeeper {
  readonly #o: RunKeeperOptions;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: RunKeeperOptions) {
    this.#o = options;
  }

  start(): void {
    if (this.#o.retentionMs !== undefined) this.#after(FIRST_MS, this.#o.retentionMs);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #after(ms: number, retentionMs: number): void {
    if (this.#closed) return;
    this.#timer = this.#o.clock.after(ms, () => {
      void this.#sweep(retentionMs).finally(() => this.#after(SWEEP_MS, retentionMs));
    });
  }

  /** Never rejects. */
  async #sweep(retentionMs: number): Promise<void> {
    const { store, clock, log } = this.#o;
    const before = clock.wall() - retentionMs;
    let removed = 0;
    try {
      for (const id of await store.list()) {
        if (this.#closed) return;
        if (await this.#isRemoved(id, before)) removed++;
      }
    } catch (error) {
      log.warn({ reason: errorMessage(error) }, 'old runs of tests could not be looked for');
    }
    if (removed > 0) log.info({ runs: removed }, 'runs of tests were removed because of their age');
    await this.#sweepSpeech(before);
  }

  /** Never rejects. */
  async #sweepSpeech(before: number): Promise<void> {
    const { speechFolder, log } = this.#o;
    try {
      const removed = await removeUnusedSpeech(speechFolder, before);
      if (removed > 0) log.info({ files: removed }, 'speech of test callers was removed that nobody needed for long');
    } catch (error) {
      log.warn({ reason: errorMessage(error) }, 'old speech of test callers could not be looked for');
    }
  }

  /** Removes one run where nothing of it was written since `before`, epoch ms; what keeps it keeps no other. Never rejects. */
  async #isRemoved(id: string, before: number): Promise<boolean> {
    const { store, runs, log } = this.#o;
    try {
      // Of one that was killed before anything of it was written the id tells.
      if (Math.max(begunAt(id), await store.writtenAt(id)) >= before) return false;
      return await runs.remove(id);
    } catch (error) {
      // One that goes on, or is being judged anew, is told again in an hour.
      if (!(error instanceof RunRefused))
        log.warn({ run: id, reason: errorMessage(error) }, 'an old run of tests could not be removed');
      return false;
    }
  }
}
