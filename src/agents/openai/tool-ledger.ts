/**
 * Which tool calls of which response are still open. The model goes on once, when the response is over and all its calls have been
 * answered: a `response.create` after each result would make it speak about half of them.
 */

/** What a result means for the conversation. */
export type Answer =
  /** Nobody asked: unknown, or answered before. */
  | 'unknown'
  /** Others of the same response are open, or the response is not over. */
  | 'waiting'
  /** It was the last. */
  | 'complete';

interface Calls {
  readonly open: Set<string>;
  over: boolean;
}

const MAX_RESPONSES = 64;

export class ToolLedger {
  readonly #responses = new Map<string, Calls>();
  readonly #responseOf = new Map<string, string>();
  /** Responses that are over: some servers tell of a call after that. */
  readonly #over = new Set<string>();

  /** Calls that have no result yet. */
  get open(): number {
    let open = 0;
    for (const calls of this.#responses.values()) open += calls.open.size;
    return open;
  }

  /** The model called a tool. False when this call is known already. */
  called(responseId: string, callId: string): boolean {
    if (this.#responseOf.has(callId)) return false;
    let calls = this.#responses.get(responseId);
    if (calls === undefined) {
      calls = { open: new Set(), over: this.#over.has(responseId) };
      this.#responses.set(responseId, calls);
      this.#forget();
    }
    calls.open.add(callId);
    this.#responseOf.set(callId, responseId);
    return true;
  }

  /** Whether this response is known to be over. */
  isOver(responseId: string): boolean {
    return this.#over.has(responseId);
  }

  /** A result came. */
  answered(callId: string): Answer {
    const responseId = this.#responseOf.get(callId);
    const calls = responseId === undefined ? undefined : this.#responses.get(responseId);
    if (responseId === undefined || calls === undefined || !calls.open.delete(callId)) return 'unknown';
    if (calls.open.size > 0 || !calls.over) return 'waiting';
    this.#responses.delete(responseId);
    return 'complete';
  }

  /** The response is over (or lost with its session). True when all its calls have been answered already: the model may go on. */
  responseOver(responseId: string): boolean {
    this.#over.add(responseId);
    if (this.#over.size > MAX_RESPONSES) this.#over.delete(this.#over.keys().next().value!);
    const calls = this.#responses.get(responseId);
    if (calls === undefined) return false;
    calls.over = true;
    if (calls.open.size > 0) return false;
    this.#responses.delete(responseId);
    return true;
  }

  /** Oldest first, so that a model that never ends its responses cannot grow this without bound. */
  #forget(): void {
    while (this.#responses.size > MAX_RESPONSES) this.#responses.delete(this.#responses.keys().next().value!);
    while (this.#responseOf.size > MAX_RESPONSES * 8) this.#responseOf.delete(this.#responseOf.keys().next().value!);
  }
}
