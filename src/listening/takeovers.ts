/** A call whose agent can tell its caller something. */
export interface TellingCall {
  /** Has the agent tell the caller; false where he did not hear it to its end in time. */
  announce(words: string, withinMs: number): Promise<boolean>;
}

interface Takeover {
  /** Who takes over once the caller was told; undefined: whoever wanted to has thought better of it. */
  by: object | undefined;
  notice: Promise<boolean> | undefined;
}

/** Who is about to take over each call while its caller is told of it: one operator at a time, so that however many ask the caller is promised one, and told once. */
export class Takeovers {
  readonly #calls = new WeakMap<TellingCall, Takeover>();

  /** Whether somebody else is about to take over the call. */
  isTaken(call: TellingCall, by: object): boolean {
    const taker = this.#calls.get(call)?.by;
    return taker !== undefined && taker !== by;
  }

  /**
   * Has the caller told of this operator's coming, where `isTaken` is false: by the notice that is being said already, if one is. Resolves with whether he heard it;
   * rejects as `announce` does. The call is taken until `leave`.
   */
  async take(call: TellingCall, by: object, words: string, withinMs: number): Promise<boolean> {
    const takeover = this.#calls.get(call) ?? { by: undefined, notice: undefined };
    this.#calls.set(call, takeover);
    takeover.by = by;
    takeover.notice ??= call.announce(words, withinMs).finally(() => {
      takeover.notice = undefined;
    });
    return takeover.notice;
  }

  /** The operator speaks, or is not to take over any more. */
  leave(call: TellingCall, by: object): void {
    const takeover = this.#calls.get(call);
    if (takeover?.by === by) takeover.by = undefined;
  }
}
