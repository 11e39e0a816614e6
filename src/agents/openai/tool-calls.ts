import type { Count } from '../../call/counters.ts';
import type { AgentEvent } from '../../call/events.ts';
import type { ToolResult } from '../../call/leg.ts';
import type { ConversationContext } from './context.ts';
import type { ModelItem } from './events.ts';
import { functionOutputItem } from './messages.ts';
import { ToolLedger } from './tool-ledger.ts';

export interface ToolCallsDeps {
  readonly context: ConversationContext;
  readonly count: Count;
  emit(event: AgentEvent): void;
  /** Adds an item to the model's conversation; `make` gets the id that the item shall have. */
  add(make: (id: string) => string): void;
  /** The model may go on: all results of a response are in. */
  goOn(): void;
}

/** The model's calls of tools, and the results on their way back. */
export class ToolCalls {
  readonly #deps: ToolCallsDeps;
  readonly #ledger = new ToolLedger();

  constructor(deps: ToolCallsDeps) {
    this.#deps = deps;
  }

  /** Calls without a result. */
  get open(): number {
    return this.#ledger.open;
  }

  /** An item is complete. True when it was a call that is new and can run. */
  itemDone(responseId: string, item: ModelItem): boolean {
    // A call that a cancellation cut off has half its arguments: it must not run.
    if (item.type !== 'function_call' || item.status === 'incomplete' || item.status === 'in_progress') return false;
    if (item.call_id === undefined || item.name === undefined) return false;
    if (!this.#ledger.called(responseId, item.call_id)) return false;
    const args = item.arguments ?? '';
    this.#deps.context.call(item.call_id, item.name, args);
    this.#deps.emit({ type: 'tool_call', toolCallId: item.call_id, name: item.name, arguments: args, responseId });
    return true;
  }

  /** A result came from the call. Nobody's is dropped and counted. */
  result(result: ToolResult): void {
    const answer = this.#ledger.answered(result.toolCallId);
    if (answer === 'unknown') {
      this.#deps.count('tool_result_dropped');
      return;
    }
    this.#deps.context.output(result.toolCallId, result.output);
    this.#deps.add((id) => functionOutputItem(result.toolCallId, result.output, id));
    if (answer === 'complete') this.#deps.goOn();
  }

  /** The response is over. True when all that it called was answered before. */
  responseOver(responseId: string): boolean {
    return this.#ledger.responseOver(responseId);
  }
}
