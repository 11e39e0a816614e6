import type { Clock } from '../../call/clock.ts';

/** Orders that may wait for the one before: beyond, the oldest is dropped. */
const MOST_WAITING = 200;
/** How long one may take, ms; the next goes then, whatever becomes of it. */
const ONE_MS = 5_000;

/**
 * What is said in a room beside audio, one after the other: the library answers each, some by a way to the server and back. Of what has a key only the latest
 * waits: a state that is over, or a line of a transcript that has grown since, is not sent any more.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, { readonly job: () => Promise<void>; readonly limitMs: number }>();
  #busy = false;
  #closed = false;
  /** What could not be sent, or was not in time. */
  failed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `limitMs`: how long the next waits for this one. */
  put(key: string, job: () => Promise<void>, limitMs = ONE_MS): void {
    if (this.#closed) return;
    this.#waiting.set(key, { job, limitMs });
    if (this.#waiting.size > MOST_WAITING) {
      this.#waiting.delete(this.#waiting.keys().next().value!);
      this.failed++;
    }
    if (!this.#busy) void this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (const [key, { job, limitMs }] of this.#waiting) {
      this.#waiting.delete(key);
      await this.#one(job, limitMs);
    }
    this.#busy = false;
  }

  #one(job: () => Promise<void>, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (failed: boolean) => {
        late.cancel();
        if (failed) this.failed++;
        resolve();
      };
      const late = this.#clock.after(limitMs, () => over(true));
      job().then(
        () => over(false),
        () => over(true),
      );
    });
  }
}
