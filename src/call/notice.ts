import type { AgentEvent } from './events.ts';

/**
 * Follows a spoken notice: was it said, and has the caller heard all of it? Said is what the agent's own transcript of an item shows to be the
 * notice, whatever was asked of it; heard is what was played to its end. A notice that was cut, or that was something else, is to be asked for again.
 */

/** Of what was said and was not the notice, so much is heard to its end, and the notice is not on its way any more. */
const OTHERS = 2;
/** Part of the notice's words that must be in the transcript: a model says a number or a name in its own way. */
const MATCH = 0.6;
/** A codec's tail may hold back a few samples, ms. */
const END_MS = 5;
/** Items that are followed at once; of more the oldest are forgotten. */
const ITEMS_MOST = 32;

const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Something the agent says, as far as it is known. Its words may be told before its sound, or behind it. */
interface Item {
  /** Its sound has begun, after the notice was asked for. */
  began: boolean;
  /** Where its end lies among all that was sent, ms; undefined while it is written. */
  endMs: number | undefined;
  /** It was discarded before it was heard to its end. */
  cut: boolean;
  text: string;
  /** Whether its words are the notice's; undefined until they are all told. */
  said: boolean | undefined;
}

/** What became of it since it was last asked for. */
export type NoticeState = 'awaited' | 'heard' | 'missed';

export class Notice {
  readonly #words: readonly string[];
  readonly #writtenMs: () => number;
  #items = new Map<string, Item>();
  /** What was said, or begun, before it was asked for the last time: as much as is followed, for each time. */
  #before: ReadonlySet<string> = new Set();
  #state: NoticeState = 'awaited';

  /** `writtenMs`: the position behind all that was sent to the caller, ms. */
  constructor(words: string, writtenMs: () => number) {
    this.#words = wordsOf(words);
    this.#writtenMs = writtenMs;
  }

  get state(): NoticeState {
    return this.#state;
  }

  /** It is asked for (again): what began before is not it. */
  asked(): void {
    this.#before = new Set([...this.#before, ...this.#items.keys()]);
    this.#items = new Map();
    this.#state = 'awaited';
  }

  /** Every event of the agent's. */
  onAgent(event: AgentEvent): void {
    if (this.#state !== 'awaited' || ('itemId' in event && this.#before.has(event.itemId ?? ''))) return;
    switch (event.type) {
      case 'audio_started': {
        const item = this.#item(event.itemId);
        item.began = true;
        item.endMs = undefined;
        return;
      }
      case 'audio_done': {
        const item = this.#items.get(event.itemId);
        if (item?.began === true) item.endMs ??= this.#writtenMs();
        return;
      }
      case 'transcript':
        if (event.role === 'agent') this.#told(this.#item(event.itemId), event.text, event.final);
        return;
      case 'speech_started':
        // Where nothing is discarded the agent falls silent by itself, and may have left its words there. Else what is told and has no sound yet has been thrown away.
        this.#cut(({ began }) => event.keeps === true || !began);
        return;
      case 'reconnecting':
        this.#cut(({ endMs }) => endMs === undefined);
        return;
      default:
    }
  }

  /** What lay unplayed was discarded: the caller heard up to `playedMs`. */
  cleared(playedMs: number): void {
    this.tick(playedMs);
    if (this.#state !== 'awaited') return;
    this.#cut(({ began, endMs }) => !began || endMs === undefined || playedMs < endMs - END_MS);
  }

  /** Playing has come so far, ms. */
  tick(playedMs: number): void {
    if (this.#state !== 'awaited') return;
    let others = 0;
    for (const { began, endMs, cut, said } of this.#items.values()) {
      if (!began || cut || endMs === undefined || playedMs < endMs - END_MS) continue;
      if (said === true) {
        this.#state = 'heard';
        return;
      }
      if (said === false) others++;
    }
    if (others >= OTHERS) this.#state = 'missed';
  }

  /** What of these items was still to be heard is not heard any more. */
  #cut(which: (item: Item) => boolean): void {
    for (const item of this.#items.values()) {
      if (item.cut || !which(item)) continue;
      item.cut = true;
      if (this.#wasNotice(item)) this.#state = 'missed';
    }
  }

  /** Whether what was cut off was the notice, by as many of its words as are known. Without any it is taken for it: better told twice than not at all. */
  #wasNotice({ said, text }: Item): boolean {
    if (said !== undefined) return said;
    const words = wordsOf(text);
    const known = new Set(this.#words);
    return words.filter((word) => known.has(word)).length >= words.length * MATCH;
  }

  #told(item: Item, text: string, final: boolean): void {
    // Words that are told of it once more, behind a cut, are those that were heard of it.
    if (item.said !== undefined || item.cut) return;
    item.text = final ? text : item.text + text;
    if (!final) return;
    const said = new Set(wordsOf(text));
    item.said = this.#words.filter((word) => said.has(word)).length >= this.#words.length * MATCH;
  }

  #item(itemId: string): Item {
    let item = this.#items.get(itemId);
    if (item === undefined) {
      item = { began: false, endMs: undefined, cut: false, text: '', said: undefined };
      this.#items.set(itemId, item);
      if (this.#items.size > ITEMS_MOST) this.#items.delete(this.#items.keys().next().value!);
    }
    return item;
  }
}
