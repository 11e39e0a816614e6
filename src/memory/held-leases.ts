import type { Clock, Timer } from '../call/clock.ts';
import type { Lease, MemoryLeases } from './memory.ts';

/** A lease lives for so long after it was renewed last, ms; renewed it is so often. */
export const HELD_MS = 30_000;
export const RENEW_MS = 10_000;

/**
 * Leases that this process holds for as long as something goes on: all are renewed by one command, and end by themselves where the process dies. What holds
 * them is the key: whoever drops what another has put in its place changes nothing.
 */
export class HeldLeases<T> {
  readonly #leases: MemoryLeases<T>;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #held = new Map<string, ReadonlyArray<Lease<T>>>();
  #timer: Timer | undefined;

  constructor(leases: MemoryLeases<T>, clock: Pick<Clock, 'after'>) {
    this.#leases = leases;
    this.#clock = clock;
  }

  /** Renews them from now on: they were just taken. */
  hold(id: string, leases: ReadonlyArray<Lease<T>>): void {
    this.#held.set(id, leases);
    this.#renewLater();
  }

  /** Renews them no more, and frees none: another has them, or they end by themselves. False where they were not held any more. */
  leave(id: string, leases: ReadonlyArray<Lease<T>>): boolean {
    if (this.#held.get(id) !== leases) return false;
    this.#held.delete(id);
    if (this.#held.size === 0) this.close();
    return true;
  }

  /** Frees them. Idempotent; never rejects: what cannot be freed ends by itself. */
  free(id: string, leases: ReadonlyArray<Lease<T>>): void {
    if (this.leave(id, leases)) this.#leases.freeAll(leases).catch(() => {});
  }

  /** Nothing is renewed any more. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#held.clear();
  }

  #renewLater(): void {
    this.#timer ??= this.#clock.after(RENEW_MS, () => {
      this.#timer = undefined;
      this.#renewLater();
      this.#leases.renewAll([...this.#held.values()].flat(), HELD_MS).catch(() => {
        // It is tried again in ten seconds, and what had ended is put again.
      });
    });
  }
}
