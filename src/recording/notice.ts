import type { CallEvent } from '../call/events.ts';

/**
 * Follows a spoken notice: was it said, and has the caller heard all of it? Said is what the model's own transcript of an item shows to be the
 * notice, whatever was asked of it; heard is what was played to its end. A notice that was cut, or that was something else, is asked for again.
 */

export interface NoticeOptions {
  readonly words: string;
  /** Has the agent say the notice; false where it cannot be asked for words. */
  readonly ask: () => boolean;
  /** Position behind all that was sent to the caller, ms. */
  readonly writtenMs: () => number;
  /** The caller has heard it. */
  readonly heard: () => void;
  /** It was asked for as often as is decent, or cannot be asked for. */
  readonly givenUp: () => void;
}

/** How often the notice is asked for. */
const ASKS = 3;
/** After so many other things said, the notice is not on its way any more. */
const OTHERS = 2;
/** Part of the notice's words that must be in the transcript: a model says a number or a name in its own way. */
const MATCH = 0.6;
/** A codec's tail may hold back a few samples, ms. */
const END_MS = 5;

const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

export class Notice {
  readonly #options: NoticeOptions;
  readonly #words: readonly string[];
  #asked = 0;
  #others = 0;
  #over = false;
  /** The item being spoken, its end where it is known, and whether its words are the notice's. */
  #item: string | undefined;
  #endMs: number | undefined;
  #said = false;

  constructor(options: NoticeOptions) {
    this.#options = options;
    this.#words = wordsOf(options.words);
  }

  begin(): void {
    this.#ask();
  }

  onEvent(event: CallEvent): void {
    if (this.#over || this.#asked === 0) return;
    if (event.type === 'barge_in') {
      if (event.heard.some(({ itemId }) => itemId === this.#item)) this.#missed();
      return;
    }
    if (event.type !== 'agent') return;
    const told = event.event;
    switch (told.type) {
      case 'audio_started':
        // The notice is asked for before all else; while it is awaited, what comes next is taken for it and judged by its words.
        if (this.#item !== undefined && this.#said) return;
        this.#item = told.itemId;
        this.#endMs = undefined;
        return;
      case 'audio_done':
        if (told.itemId === this.#item) this.#endMs = this.#options.writtenMs();
        return;
      case 'transcript':
        if (told.role !== 'agent' || !told.final || told.itemId !== this.#item) return;
        if (this.#isNotice(told.text)) this.#said = true;
        else this.#wasOther();
        return;
      case 'reconnecting':
        if (this.#item !== undefined && this.#endMs === undefined) this.#missed();
        return;
      default:
    }
  }

  tick(playedMs: number): void {
    if (this.#over || !this.#said || this.#endMs === undefined || playedMs < this.#endMs - END_MS) return;
    this.#over = true;
    this.#options.heard();
  }

  /** The agent said something else: an answer that came before, or it did not do as it was asked. */
  #wasOther(): void {
    this.#item = undefined;
    if (++this.#others === OTHERS) this.#missed();
  }

  #missed(): void {
    this.#others = 0;
    this.#item = undefined;
    this.#endMs = undefined;
    this.#said = false;
    this.#ask();
  }

  #ask(): void {
    if (this.#asked < ASKS) {
      this.#asked++;
      if (this.#options.ask()) return;
    }
    this.#over = true;
    this.#options.givenUp();
  }

  #isNotice(text: string): boolean {
    const said = new Set(wordsOf(text));
    const found = this.#words.filter((word) => said.has(word)).length;
    return found >= this.#words.length * MATCH;
  }
}
