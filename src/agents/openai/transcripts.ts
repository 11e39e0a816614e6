import type { AgentEvent } from '../../call/events.ts';
import type { ConversationContext } from './context.ts';

/**
 * The words of the conversation: told to the call as they come, and kept in the context. What is final is what was heard: the rest of an
 * interrupted message was never said, as far as the caller is concerned.
 */
export class Transcripts {
  readonly #context: ConversationContext;
  readonly #emit: (event: AgentEvent) => void;

  constructor(context: ConversationContext, emit: (event: AgentEvent) => void) {
    this.#context = context;
    this.#emit = emit;
  }

  callerDelta(itemId: string, text: string): void {
    this.#context.append(itemId, 'user', text);
    this.#tell('caller', itemId, text, false);
  }

  callerDone(itemId: string, text: string): void {
    this.#context.finish(itemId, 'user', text);
    this.#tell('caller', itemId, text, true);
  }

  /** `live`: the response has not been interrupted. */
  agentDelta(itemId: string, text: string, live: boolean): void {
    this.#context.append(itemId, 'assistant', text);
    if (live) this.#tell('agent', itemId, text, false);
  }

  agentDone(itemId: string, text: string): void {
    this.#context.finish(itemId, 'assistant', text);
    this.#tell('agent', itemId, this.#context.textOf(itemId) ?? text, true);
  }

  /** The model cut the item. `ms` where the length of its audio is not known here, and the words are cut by it. */
  truncated(itemId: string, ms: number | undefined): void {
    if (ms !== undefined) this.#context.cut(itemId, { ms });
    const heard = this.#context.textOf(itemId);
    if (heard !== undefined) this.#tell('agent', itemId, heard, true);
  }

  #tell(role: 'caller' | 'agent', itemId: string, text: string, final: boolean): void {
    this.#emit({ type: 'transcript', role, itemId, text, final });
  }
}
