import type { MemoryChannel } from './memory.ts';

/** News within this process. They are heard after whoever publishes has done his work, so that nobody is called in the middle of another's. */
export class LocalChannel implements MemoryChannel {
  readonly #heard = new Set<(text: string) => void>();

  publish(text: string): void {
    queueMicrotask(() => {
      for (const heard of [...this.#heard]) heard(text);
    });
  }

  subscribe(heard: (text: string) => void): () => void {
    // One of its own for each subscription: who subscribes twice hears twice, and ends one of them.
    const own = (text: string) => heard(text);
    this.#heard.add(own);
    return () => void this.#heard.delete(own);
  }
}
