import type { Clock, Timer } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { AgentEvent } from '../../call/events.ts';
import type { ToolResult } from '../../call/leg.ts';
import { jsonObject } from '../../transport/http.ts';
import type { Drops } from '../common/drops.ts';
import type { ConversationContext } from './context.ts';
import type { ModelItem } from './events.ts';
import { functionOutputItem } from './messages.ts';
import { ToolLedger } from './tool-ledger.ts';

export interface ToolCallsDeps {
  readonly context: ConversationContext;
  readonly clock: Clock;
  readonly count: Count;
  readonly drops: Drops;
  emit(event: AgentEvent): void;
  /** Adds an item to the model's conversation; `make` gets the id that the item shall have. */
  add(make: (id: string) => string): void;
  /** A call is being run. */
  called(responseId: string): void;
  /** The model may go on: all results of a response are in. */
  goOn(): void;
}

/** What is known of a call that is not yet to be run: servers tell of one in several events, some of them in fewer, or in another order. */
interface Draft {
  readonly responseId: string;
  name: string | undefined;
  /** Undefined until all of them were told. */
  arguments: string | undefined;
  /** Whatever its response comes to, it must not run: it was cut off. */
  cut: boolean;
  timer: Timer | undefined;
}

/**
 * How long whole arguments wait for the end of their item or their response, ms: OpenAI tells it in the same breath, and then it says whether the
 * call was cut off. A server that tells neither is taken at its word.
 */
const LONE_MS = 250;
const MAX_DRAFTS = 256;

/** The model's calls of tools, and the results on their way back. */
export class ToolCalls {
  readonly #deps: ToolCallsDeps;
  readonly #ledger = new ToolLedger();
  readonly #drafts = new Map<string, Draft>();
  /** Responses that were cancelled or failed: what is told of their calls afterwards is of no use. */
  readonly #dead = new Set<string>();

  constructor(deps: ToolCallsDeps) {
    this.#deps = deps;
  }

  /** Calls without a result. */
  get open(): number {
    return this.#ledger.open;
  }

  /** An item was announced: its name may be told here alone. */
  itemAdded(responseId: string, item: ModelItem): void {
    if (item.type !== 'function_call' || item.call_id === undefined) return;
    const draft = this.#draft(responseId, item.call_id);
    draft.name ??= item.name;
    if (this.#ledger.isOver(responseId)) this.#runIfWhole(item.call_id, draft);
  }

  /** All arguments of a call were told. */
  argumentsDone(responseId: string, callId: string, name: string | undefined, args: string): void {
    const draft = this.#draft(responseId, callId);
    draft.name ??= name;
    draft.arguments ??= args;
    if (this.#ledger.isOver(responseId)) this.#runIfWhole(callId, draft);
    else draft.timer ??= this.#deps.clock.after(LONE_MS, () => this.#runIfWhole(callId, draft));
  }

  /** An item is complete; `listed` in a response that is. */
  itemDone(responseId: string, item: ModelItem): void {
    if (item.type !== 'function_call' || item.call_id === undefined) return;
    const draft = this.#draft(responseId, item.call_id);
    draft.name ??= item.name;
    // A call that a cancellation cut off has half its arguments: it must not run.
    if (item.status === 'incomplete') {
      draft.cut = true;
      return;
    }
    // The end of the item is the last word about the arguments, unless it leaves them out.
    if (item.arguments !== undefined && (item.arguments !== '' || draft.arguments === undefined)) {
      draft.arguments = item.arguments;
    }
    if (item.status === 'in_progress') return;
    draft.arguments ??= '';
    this.#run(item.call_id, draft);
  }

  /** A result came from the call. Nobody's is dropped and counted. */
  result(result: ToolResult): void {
    const answer = this.#ledger.answered(result.toolCallId);
    if (answer === 'unknown') {
      this.#deps.drops.tell('tool_result_dropped', 'a result came for a call that is not open');
      return;
    }
    this.#deps.context.output(result.toolCallId, result.output);
    this.#deps.add((id) => functionOutputItem(result.toolCallId, result.output, id));
    if (answer === 'complete') this.#deps.goOn();
  }

  /**
   * The response is over (or lost with its session: no status), and what it told of calls is all there is. True when all that it called was answered
   * before.
   */
  responseOver(responseId: string, status?: string): boolean {
    const dead = status === 'cancelled' || status === 'failed';
    if (dead) this.#dead.add(responseId);
    if (this.#dead.size > MAX_DRAFTS) this.#dead.delete(this.#dead.keys().next().value!);
    for (const [callId, draft] of this.#drafts) {
      if (draft.responseId !== responseId || draft.arguments === undefined) continue;
      if (dead) draft.cut = true;
      else if (status === 'completed') this.#run(callId, draft);
      else this.#runIfWhole(callId, draft);
      // The model waits for every call of its own.
      if (!draft.cut && draft.name === undefined) this.#refuse(callId, draft);
    }
    return this.#ledger.responseOver(responseId);
  }

  /** Runs nothing by itself any more. */
  stop(): void {
    for (const draft of this.#drafts.values()) {
      draft.timer?.cancel();
      draft.timer = undefined;
    }
  }

  #draft(responseId: string, callId: string): Draft {
    let draft = this.#drafts.get(callId);
    if (draft === undefined) {
      draft = { responseId, name: undefined, arguments: undefined, cut: this.#dead.has(responseId), timer: undefined };
      this.#drafts.set(callId, draft);
      if (this.#drafts.size > MAX_DRAFTS) {
        const [oldest, old] = this.#drafts.entries().next().value!;
        old.timer?.cancel();
        this.#drafts.delete(oldest);
      }
    }
    return draft;
  }

  /** Arguments that were cut off are never a whole object. */
  #runIfWhole(callId: string, draft: Draft): void {
    if (draft.arguments !== undefined && jsonObject(draft.arguments) !== undefined) this.#run(callId, draft);
  }

  #run(callId: string, draft: Draft): void {
    const { responseId, name, arguments: args } = draft;
    if (draft.cut || name === undefined || args === undefined) return;
    draft.timer?.cancel();
    draft.timer = undefined;
    this.#drafts.delete(callId);
    if (!this.#ledger.called(responseId, callId)) return;
    this.#deps.context.call(callId, name, args);
    this.#deps.called(responseId);
    this.#deps.emit({ type: 'tool_call', toolCallId: callId, name, arguments: args, responseId });
  }

  /** A call of nothing is answered as a tool would that failed. */
  #refuse(callId: string, draft: Draft): void {
    draft.cut = true;
    draft.timer?.cancel();
    if (!this.#ledger.called(draft.responseId, callId)) return;
    this.#deps.drops.tell('tool_call_dropped', 'the model called a tool without naming one');
    this.#deps.called(draft.responseId);
    this.result({ toolCallId: callId, output: '{"error":"The call names no function."}' });
  }
}
