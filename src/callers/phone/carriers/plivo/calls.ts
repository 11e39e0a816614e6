/** Ids that are remembered: a call that was placed is over within a day, and a process places some hundreds an hour. */
const MOST = 10_000;

/**
 * Plivo has two ids of a call that it was asked to place: that of the order, which its answer gives, and that of the call, which its webhooks
 * bring beside it. The bridge knows such a call by the first from the beginning; what is asked of it at the REST API goes by the second, as soon as
 * any webhook has told it. https://www.plivo.com/docs/voice/api/call/make-a-call/
 */
export class PlivoCalls {
  /** The oldest first. */
  readonly #callOf = new Map<string, string>();
  /** Who waits for the call of an order. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /** A webhook names both. */
  tell(requestId: string, callId: string): void {
    if (requestId === callId || this.#callOf.get(requestId) === callId) return;
    this.#callOf.set(requestId, callId);
    const [oldest] = this.#callOf.keys();
    if (this.#callOf.size > MOST && oldest !== undefined) this.#callOf.delete(oldest);
    for (const told of this.#waiting.get(requestId) ?? []) told();
  }

  /** Whether a webhook has told the call's own id, or tells it before the signal is aborted. Never rejects. */
  told(requestId: string, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const isKnown = () => this.#callOf.has(requestId);
      if (isKnown() || signal.aborted) return resolve(isKnown());
      const all = this.#waiting.get(requestId) ?? new Set();
      this.#waiting.set(requestId, all);
      const done = () => {
        all.delete(done);
        if (all.size === 0) this.#waiting.delete(requestId);
        signal.removeEventListener('abort', done);
        resolve(isKnown());
      };
      all.add(done);
      signal.addEventListener('abort', done);
    });
  }

  /** The id of the call that the bridge knows by this one. */
  idOf(id: string): string {
    return this.#callOf.get(id) ?? id;
  }
}
