import { randomBytes } from 'node:crypto';
import type { MemorySpace, ProcessMemory } from '../memory/memory.ts';
import { type Prompt, parsePrompt } from '../prompts/prompt.ts';
import type { PromptKind } from '../prompts/settings.ts';

/** How long a draft can be called, ms, and how many there may be. */
export const DRAFT_MS = 1_800_000;
const MOST = 50;
const NAME = /^draft-[0-9a-f]{16}$/;

/**
 * Prompts that are being written: they can be called by the name they are given, by whoever knows it, and are in no file. All who share the memory have them.
 */
export class Drafts {
  readonly #space: MemorySpace<string>;
  readonly #kinds: readonly PromptKind[];

  constructor(memory: Pick<ProcessMemory, 'space'>, kinds: readonly PromptKind[]) {
    this.#space = memory.space({ name: 'drafts', most: MOST });
    this.#kinds = kinds;
  }

  /** Keeps a draft; resolves to its name. Rejects with CONFIG_INVALID, as a file with this text would, and with what `look` throws. */
  async add(text: string, look: (prompt: Prompt) => void = () => {}): Promise<string> {
    const name = `draft-${randomBytes(8).toString('hex')}`;
    look(parsePrompt(name, 'draft', text, this.#kinds));
    await this.#space.put(name, text, DRAFT_MS);
    return name;
  }

  /** The draft of this name; undefined where there is none, or none any more. */
  async get(name: string): Promise<Prompt | undefined> {
    if (!NAME.test(name)) return undefined;
    const text = await this.#space.get(name);
    return text === undefined ? undefined : parsePrompt(name, 'draft', text, this.#kinds);
  }
}
