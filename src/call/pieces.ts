import type { AgentEvent } from './events.ts';

type Words = Extract<AgentEvent, { type: 'transcript' }>;

/** So many items are open at once at most, and so many that have ended are known: an agent that ends none of them fills no memory. */
const MOST_KNOWN = 64;
/** Far more than is said in one breath. */
const MOST_CHARS = 32_000;

/**
 * Words that were told in pieces. What is kept of a call is the whole that ends them, and of words in the middle of which the caller hung up, or
 * the session broke, no whole ever comes: they are made whole here of what there is.
 */
export class Pieces {
  readonly #open = new Map<string, Words>();
  readonly #ended = new Set<string>();

  /** Gives the words that are waited for no longer, made whole. */
  add(words: Words): Words | undefined {
    const key = `${words.role} ${words.itemId}`;
    if (words.final) {
      this.#end(words, key);
      return undefined;
    }
    // A piece that comes behind the whole belongs to what the whole replaced.
    if (this.#ended.has(key)) return undefined;
    const before = this.#open.get(key)?.text ?? '';
    this.#open.set(key, { ...words, text: (before + words.text).slice(0, MOST_CHARS) });
    return this.#open.size > MOST_KNOWN ? this.#take() : undefined;
  }

  /** All of which no whole has come, made whole, in the order in which they began. */
  *rest(): Generator<Words> {
    for (let words = this.#take(); words !== undefined; words = this.#take()) yield words;
  }

  #end({ role, text }: Words, key: string): void {
    // Of an agent that gives no ids the whole may come under another than its pieces: it is known by how it begins.
    for (const [other, open] of this.#open)
      if (other === key || (open.role === role && text.startsWith(open.text.trim()))) this.#open.delete(other);
    this.#ended.add(key);
    if (this.#ended.size > MOST_KNOWN) this.#ended.delete(this.#ended.values().next().value!);
  }

  #take(): Words | undefined {
    const first = this.#open.entries().next().value;
    if (first === undefined) return undefined;
    this.#open.delete(first[0]);
    return { ...first[1], final: true };
  }
}
