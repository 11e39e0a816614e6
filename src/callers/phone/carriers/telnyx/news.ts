import { type Clock, delay } from '../../../../call/clock.ts';

/**
 * Commands are only begun when they are answered: that a call was answered, or that words were said, is told by a webhook later. Whoever has to go on after it
 * waits here. News that never comes, or that comes to another process, ends the wait by its time.
 */
export class CallNews {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** Resolves when this is told of the call, or after `ms`. To be asked before what it is to follow. */
  next(callId: string, event: string, ms: number): Promise<void> {
    const key = JSON.stringify([callId, event]);
    const told = new AbortController();
    const waiting = this.#waiting.get(key) ?? new Set();
    const tell = () => told.abort();
    this.#waiting.set(key, waiting.add(tell));
    return delay(this.#clock, ms, told.signal)
      .catch(() => {})
      .finally(() => {
        waiting.delete(tell);
        if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      });
  }

  /** For tests: how much is waited for. */
  get size(): number {
    return this.#waiting.size;
  }

  told(callId: string, event: string): void {
    for (const tell of this.#waiting.get(JSON.stringify([callId, event])) ?? []) tell();
  }
}
