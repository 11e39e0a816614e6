import type { MemoryState } from './memory.ts';

type Changed = (state: MemoryState) => void;

/** Whoever wants to know whether the memory is there. */
export class Watchers {
  readonly #all = new Set<Changed>();

  /** Returns how to end it. */
  add(changed: Changed): () => void {
    const own: Changed = (state) => changed(state);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  tell(state: MemoryState): void {
    for (const changed of [...this.#all]) changed(state);
  }
}
