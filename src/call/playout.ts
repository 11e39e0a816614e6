import type { Heard } from './events.ts';

/** Where an item's audio lies on the caller's leg, in the leg's written milliseconds. */
interface Span {
  readonly responseId: string;
  readonly itemId: string;
  readonly contentIndex: number;
  readonly startMs: number;
  /** Undefined while its audio is still being written. */
  endMs: number | undefined;
}

/**
 * The playout ledger: which of the model's items occupy which part of what was written to the caller, and so how much of each was heard.
 * Pure: positions come from the caller's leg (`Playout`).
 */
export class PlayoutLedger {
  #spans: Span[] = [];

  /** An item's first frame is about to be written at `writtenMs`. An item begun before and not ended ends here. */
  begin(item: { responseId: string; itemId: string; contentIndex: number }, writtenMs: number): void {
    const last = this.#spans.at(-1);
    if (last !== undefined && last.endMs === undefined) last.endMs = writtenMs;
    this.#spans.push({
      responseId: item.responseId,
      itemId: item.itemId,
      contentIndex: item.contentIndex,
      startMs: writtenMs,
      endMs: undefined,
    });
  }

  /** All audio of the item was written. */
  end(itemId: string, writtenMs: number): void {
    const span = this.#spans.findLast((s) => s.itemId === itemId && s.endMs === undefined);
    if (span !== undefined) span.endMs = writtenMs;
  }

  /** Whether any item is still being written or not yet played to its end. Forgets the items that were. */
  inPlay(playedMs: number): boolean {
    this.#spans = this.#spans.filter((s) => s.endMs === undefined || s.endMs > playedMs);
    return this.#spans.length > 0;
  }

  /** What was heard of the items in play, oldest first. */
  heard(playedMs: number, writtenMs: number): Heard[] {
    this.inPlay(playedMs);
    return this.#spans.map((s) => {
      const length = Math.max(0, (s.endMs ?? writtenMs) - s.startMs);
      return {
        itemId: s.itemId,
        contentIndex: s.contentIndex,
        responseId: s.responseId,
        heardMs: Math.min(length, Math.max(0, playedMs - s.startMs)),
        writtenMs: length,
      };
    });
  }

  /** What lay unplayed was discarded: nothing is in play any more. */
  cut(): void {
    this.#spans = [];
  }
}
