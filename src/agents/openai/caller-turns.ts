/**
 * When the caller speaks, by events that may come doubled, in another order than they happened, or not at all. Pure. Item ids help where the
 * server gives them and makes each anew; a server that uses one again is understood as well.
 */
export class CallerTurns {
  #speaking = false;
  #item: string | undefined;
  /** The item of the last turn that ended; '' where it had no id. */
  #ended: string | undefined;

  get speaking(): boolean {
    return this.#speaking;
  }

  /** `speech_started` came. False when that is known already. */
  started(itemId: string | undefined): boolean {
    if (this.#speaking && (itemId === undefined || itemId === this.#item)) return false;
    this.#speaking = true;
    this.#item = itemId;
    return true;
  }

  /** `speech_stopped` came. False when that turn's end is known already. */
  stopped(itemId: string | undefined): boolean {
    // A stop without a beginning is a turn whose beginning was lost, unless it is the last one's told again.
    if (!this.#speaking && (itemId === undefined || itemId === this.#ended)) return false;
    // The last turn's end, told again when the next has begun.
    if (this.#speaking && itemId !== undefined && itemId === this.#ended && itemId !== this.#item) return false;
    this.#end(itemId);
    return true;
  }

  /** The server has taken the caller's audio as an item. True when that is the first to tell of the end of what he says. */
  committed(itemId: string): boolean {
    if (!this.#speaking || (this.#item !== undefined && this.#item !== itemId)) return false;
    this.#end(itemId);
    return true;
  }

  /** The end was never told. */
  lost(): void {
    this.#end(this.#item);
  }

  /** The session is another: it knows nothing of what was said to the one before. */
  reset(): void {
    this.#speaking = false;
    this.#item = undefined;
    this.#ended = undefined;
  }

  #end(itemId: string | undefined): void {
    this.#speaking = false;
    this.#ended = itemId ?? this.#item ?? '';
    this.#item = undefined;
  }
}
