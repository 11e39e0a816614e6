import type { Heard } from './events.ts';

/** Where an item's audio lies on the caller's leg, in the leg's written milliseconds. */
interface Span {
  readonly responseId: string;
  readonly itemId: string;
  readonly contentIndex: number;
  readonly startMs: number;
  /** Undefined while its audio is still being written. */
  endMs: number | undefined;
  /** How much of it was told as heard, ms. */
  toldMs: number;
}

/** Items whose end nobody told are forgotten, oldest first. */
const MAX_SPANS = 256;

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
      toldMs: 0,
    });
    if (this.#spans.length > MAX_SPANS) this.#spans.shift();
  }

  /** All audio of the item was written. */
  end(itemId: string, writtenMs: number): void {
    const span = this.#spans.findLast((s) => s.itemId === itemId && s.endMs === undefined);
    if (span !== undefined) span.endMs = writtenMs;
  }

  /** Whether any item is still being written or not yet played to its end. */
  inPlay(playedMs: number): boolean {
    return this.#spans.some((s) => s.endMs === undefined || s.endMs > playedMs);
  }

  /** Whether nothing is known to be in play, so that there is nothing to ask. */
  get isEmpty(): boolean {
    return this.#spans.length === 0;
  }

  /** What was heard since this was last asked, each item as far as it was heard by now. Forgets the items that were heard to their end. */
  news(playedMs: number, writtenMs: number): Heard[] {
    const news: Heard[] = [];
    for (const span of this.#spans) {
      const part = heardOf(span, playedMs, writtenMs);
      if (part.heardMs <= span.toldMs) continue;
      span.toldMs = part.heardMs;
      news.push(part);
    }
    this.#spans = this.#spans.filter((s) => s.endMs === undefined || s.endMs > playedMs);
    return news;
  }

  /** What was heard of the items in play, oldest first. */
  heard(playedMs: number, writtenMs: number): Heard[] {
    return this.#spans
      .filter((s) => s.endMs === undefined || s.endMs > playedMs)
      .map((s) => heardOf(s, playedMs, writtenMs));
  }

  /** What lay unplayed was discarded: nothing is in play any more. */
  cut(): void {
    this.#spans = [];
  }
}

function heardOf(span: Span, playedMs: number, writtenMs: number): Heard {
  const length = Math.max(0, (span.endMs ?? writtenMs) - span.startMs);
  return {
    itemId: span.itemId,
    contentIndex: span.contentIndex,
    responseId: span.responseId,
    heardMs: Math.min(length, Math.max(0, playedMs - span.startMs)),
    writtenMs: length,
  };
}
