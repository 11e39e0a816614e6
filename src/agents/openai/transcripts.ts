import type { AgentEvent } from '../../call/events.ts';
import type { ConversationContext } from './context.ts';

const MAX_TOLD = 64;

/**
 * The words of the conversation: told to the call as they come, and kept in the context. What is final is what was heard: the rest of an
 * interrupted message was never said, as far as the caller is concerned.
 */
export class Transcripts {
  readonly #context: ConversationContext;
  readonly #emit: (event: AgentEvent) => void;
  /** Items of the agent's of whose words any were told. */
  readonly #told = new Set<string>();

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
    if (!live) return;
    this.#tell('agent', itemId, text, false);
    this.#remember(itemId);
  }

  agentDone(itemId: string, text: string): void {
    this.#context.finish(itemId, 'assistant', text);
    this.#tell('agent', itemId, this.#context.textOf(itemId) ?? text, true);
    this.#remember(itemId);
  }

  /** The caller heard nothing of the item. Words that were told before that was known are told anew. */
  unsay(itemId: string): void {
    const before = this.#context.textOf(itemId);
    const heard = this.#context.cut(itemId, { ms: 0 });
    if (heard !== undefined && heard !== before && this.#told.has(itemId)) this.#tell('agent', itemId, heard, true);
  }

  /** The caller heard no more of the item than is in the context by now. */
  brokeOff(itemId: string): void {
    const heard = this.#context.textOf(itemId);
    if (heard !== undefined && this.#told.has(itemId)) this.#tell('agent', itemId, heard, true);
  }

  /** Words that the model wrote in place of saying them: nobody hears them, so nobody is told that they were said. */
  agentWrote(itemId: string): void {
    this.#context.open(itemId, 'assistant');
    this.#context.cut(itemId, { ms: 0 });
  }

  /** The model cut the item. `ms` where the length of its audio is not known here, and the words are cut by it. */
  truncated(itemId: string, ms: number | undefined): void {
    if (ms !== undefined) this.#context.cut(itemId, { ms });
    const heard = this.#context.textOf(itemId);
    if (heard !== undefined) this.#tell('agent', itemId, heard, true);
  }

  #remember(itemId: string): void {
    this.#told.delete(itemId);
    this.#told.add(itemId);
    if (this.#told.size > MAX_TOLD) this.#told.delete(this.#told.values().next().value!);
  }

  #tell(role: 'caller' | 'agent', itemId: string, text: string, final: boolean): void {
    this.#emit({ type: 'transcript', role, itemId, text, final });
  }
}
