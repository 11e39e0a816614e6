/** Those of this process who listen to channels that lie elsewhere: each channel is asked for once, from its first listener to its last. */
export class Listeners {
  readonly #source: { begin(channel: string): void; end(channel: string): void };
  readonly #heard = new Map<string, Set<(text: string) => void>>();

  constructor(source: { begin(channel: string): void; end(channel: string): void }) {
    this.#source = source;
  }

  /** The channels that somebody listens to. */
  get channels(): readonly string[] {
    return [...this.#heard.keys()];
  }

  /** Returns how to end it. */
  add(channel: string, heard: (text: string) => void): () => void {
    // One of its own for each subscription: who subscribes twice hears twice, and ends one of them.
    const own = (text: string) => heard(text);
    const all = this.#heard.get(channel) ?? new Set();
    all.add(own);
    this.#heard.set(channel, all);
    if (all.size === 1) this.#source.begin(channel);
    return () => {
      if (!all.delete(own) || all.size > 0) return;
      this.#heard.delete(channel);
      this.#source.end(channel);
    };
  }

  tell(channel: string, text: string): void {
    for (const heard of [...(this.#heard.get(channel) ?? [])]) heard(text);
  }
}
