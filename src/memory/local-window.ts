import type { Clock } from '../call/clock.ts';
import type { MemoryWindow, Taken } from './memory.ts';

/** Where uses outlive the process. */
export interface UsesKept {
  /** Those that count, monotonic ms, the oldest first; of an earlier process, too. */
  readonly uses: ReadonlyArray<{ readonly at: number }>;
  /** Told of all that count, whenever they change. Must not throw. */
  keep(uses: ReadonlyArray<{ readonly at: number }>): void;
  /** Resolves when all is written. */
  close?(): Promise<void>;
}

/** The uses of one limit, in this process's own memory, and where it has one in a keeper's hands. */
export class LocalWindow implements MemoryWindow {
  readonly #ms: number;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #kept: UsesKept | undefined;
  /** Those that may still count, the oldest first. No more than were granted at once. */
  readonly #uses: Array<{ readonly at: number; readonly id: string }>;
  #taken = 0;

  constructor(ms: number, clock: Pick<Clock, 'now'>, kept?: UsesKept) {
    this.#ms = ms;
    this.#clock = clock;
    this.#kept = kept;
    this.#uses = (kept?.uses ?? []).map(({ at }) => ({ at, id: this.#next() }));
  }

  async take(most: number): Promise<Taken> {
    const now = this.#clock.now();
    while (this.#uses[0] !== undefined && now - this.#uses[0].at >= this.#ms) this.#uses.shift();
    if (this.#uses.length >= most) {
      const oldest = this.#uses[0];
      return { ok: false, retryAfterMs: oldest === undefined ? undefined : oldest.at + this.#ms - now };
    }
    const use = { at: now, id: this.#next() };
    this.#uses.push(use);
    this.#kept?.keep(this.#uses);
    return { ok: true, use: use.id };
  }

  async giveBack(use: string): Promise<void> {
    const index = this.#uses.findIndex(({ id }) => id === use);
    if (index < 0) return;
    this.#uses.splice(index, 1);
    this.#kept?.keep(this.#uses);
  }

  async putAgain(use: string, ms: number): Promise<void> {
    if (this.#uses.some(({ id }) => id === use)) return;
    const at = this.#clock.now() + ms - this.#ms;
    const later = this.#uses.findIndex((one) => one.at > at);
    this.#uses.splice(later < 0 ? this.#uses.length : later, 0, { at, id: use });
    this.#kept?.keep(this.#uses);
  }

  #next(): string {
    this.#taken++;
    return String(this.#taken);
  }
}
