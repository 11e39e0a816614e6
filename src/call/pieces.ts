import type { AgentEvent } from './events.ts';

type Words = Extract<AgentEvent, { type: 'transcript' }>;

/** So many items are open at once at most: an agent that ends none of them fills no memory. */
const MOST_OPEN = 64;
/** Far more than is said in one breath. */
const MOST_CHARS = 32_000;

/**
 * Words that were told in pieces. What is kept of a call is the whole that ends them, and of words in the middle of which the caller hung up, or
 * the session broke, no whole ever comes: they are made whole here of what there is.
 */
export class Pieces {
  readonly #open = new Map<string, Words>();

  /** Gives the words that are waited for no longer, made whole. */
  add(words: Words): Words | undefined {
    const key = `${words.role} ${words.itemId}`;
    const before = this.#open.get(key)?.text ?? '';
    if (words.final) this.#open.delete(key);
    else this.#open.set(key, { ...words, text: (before + words.text).slice(0, MOST_CHARS) });
    return this.#open.size > MOST_OPEN ? this.#take() : undefined;
  }

  /** All of which no whole has come, made whole, in the order in which they began. */
  *rest(): Generator<Words> {
    for (let words = this.#take(); words !== undefined; words = this.#take()) yield words;
  }

  #take(): Words | undefined {
    const first = this.#open.entries().next().value;
    if (first === undefined) return undefined;
    this.#open.delete(first[0]);
    return { ...first[1], final: true };
  }
}
