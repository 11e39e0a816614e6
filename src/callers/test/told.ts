import type { AgentEvent } from '../../call/events.ts';
import { plain } from '../../measure/spelling.ts';

/** A call of a tool by the agent. */
export interface ToldTool {
  readonly name: string;
  /** As the agent gave them; undefined where they are no JSON. */
  readonly arguments: unknown;
}

/** What is kept since our last words, characters and tools: nobody says more to one sentence. */
const MOST_CHARACTERS = 100_000;
const MOST_TOOLS = 500;

/** What the agent's side tells of what it says and does: its words as it writes them down, and its tools. */
export class Told {
  /** Words of each item, in the order in which the items began. */
  readonly #items = new Map<string, string>();
  /** Items that are over for us: what is still told of them is of an earlier turn. */
  readonly #past = new Set<string>();
  #tools: ToldTool[] = [];
  #anyWords = false;
  #characters = 0;
  /** All words as they are compared, while no other came: whoever waits for words asks with each frame. */
  #plain: string | undefined;

  /** Whether it ever told any words: of one that tells none nothing follows from their absence. */
  get tellsWords(): boolean {
    return this.#anyWords;
  }

  /** All words since `forget`. */
  get text(): string {
    return [...this.#items.values()].join(' ');
  }

  /** Tools called since `forget`. */
  get tools(): readonly ToldTool[] {
    return this.#tools;
  }

  has(words: string): boolean {
    this.#plain ??= ` ${plain(this.text)} `;
    return this.#plain.includes(` ${plain(words)} `);
  }

  /** From now on only what follows counts. */
  forget(): void {
    for (const id of this.#items.keys()) this.#past.add(id);
    this.#items.clear();
    this.#tools = [];
    this.#characters = 0;
    this.#plain = undefined;
  }

  onAgent(event: AgentEvent): void {
    if (event.type === 'tool_call' && this.#tools.length < MOST_TOOLS)
      this.#tools.push({ name: event.name, arguments: parsed(event.arguments) });
    if (event.type !== 'transcript' || event.role !== 'agent') return;
    this.#anyWords = true;
    if (this.#past.has(event.itemId)) return;
    const known = this.#items.get(event.itemId) ?? '';
    const room = MOST_CHARACTERS - this.#characters + known.length;
    const text = ((event.final ? '' : known) + event.text).slice(0, Math.max(0, room));
    this.#characters += text.length - known.length;
    if (text !== '' || known !== '') this.#items.set(event.itemId, text);
    this.#plain = undefined;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Whether `value` has all that `wanted` has: each key of an object, lists whole, text and numbers the same. */
export function includes(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(value, wanted);
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(wanted)) return false;
  if (Array.isArray(wanted))
    return Array.isArray(value) && value.length === wanted.length && wanted.every((one, i) => includes(value[i], one));
  return Object.entries(wanted).every(([key, one]) => includes((value as Record<string, unknown>)[key], one));
}
