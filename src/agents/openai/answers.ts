import type { ModelItem } from './events.ts';

/** What each response has put out: whether that was an answer, and how far it came. Pure. */

interface Said {
  /** Its audio, or the words of it, were told: over WebRTC there is no other sign before it is played. */
  audio: boolean;
  /** Its audio is whole. */
  whole: boolean;
  /** Words that came as text and not as the words of audio: nobody hears them. */
  text: string;
}

interface Answer {
  readonly items: Map<string, Said>;
  calls: number;
}

/** What became of a response that is over. */
export type Outcome =
  /** It said all that it had to say, whatever its status. */
  | { readonly kind: 'said' }
  /** It called a tool, and goes on when that has answered. */
  | { readonly kind: 'called' }
  /** It was cut off after some words; `itemId` holds them. */
  | { readonly kind: 'partly'; readonly itemId: string; readonly why: Unheard }
  /** Nobody heard anything of it. `text`: what it wrote instead of saying it. */
  | { readonly kind: 'unheard'; readonly why: Unheard; readonly text: string };

/** Why an answer was not heard: a word for the log. Each is a counter, too. */
export type Unheard = 'text' | 'empty' | 'no-audio' | 'incomplete' | 'failed' | 'cancelled' | 'not-played' | 'slow';

const MAX_RESPONSES = 64;
const MAX_TEXT_CHARS = 4_000;

export class Answers {
  readonly #answers = new Map<string, Answer>();

  message(responseId: string, itemId: string): void {
    this.#said(responseId, itemId);
  }

  /** Audio of the item came, or is announced by the words of it. */
  audio(responseId: string, itemId: string): void {
    this.#said(responseId, itemId).audio = true;
  }

  /** No more audio of the item comes; `all`: because it is complete, and not because it was cut off. */
  whole(responseId: string, itemId: string, all = true): void {
    this.#said(responseId, itemId).whole = all;
  }

  text(responseId: string, itemId: string, text: string): void {
    this.#said(responseId, itemId).text = text.slice(0, MAX_TEXT_CHARS);
  }

  called(responseId: string): void {
    this.#answer(responseId).calls++;
  }

  calledTools(responseId: string | undefined): boolean {
    return responseId !== undefined && (this.#answers.get(responseId)?.calls ?? 0) > 0;
  }

  /** Items of speech of this response, oldest first. */
  items(responseId: string): string[] {
    return [...(this.#answers.get(responseId)?.items.keys() ?? [])];
  }

  /** Whether audio of it, or the words of audio, were told. */
  spoke(responseId: string): boolean {
    return [...(this.#answers.get(responseId)?.items.values() ?? [])].some(({ audio }) => audio);
  }

  /** Whether all that it began to say is whole: its end is only a formality then. */
  isWhole(responseId: string): boolean {
    const last = [...(this.#answers.get(responseId)?.items.values() ?? [])].at(-1);
    return last?.whole === true && last.audio;
  }

  /**
   * What a response that ended with `status` and `output` was. `sounded`: audio of it that is not silence has come; `silent`: that would be
   * known by now if there were any.
   */
  judge(
    response: { id: string; status: string; output: readonly ModelItem[] },
    sounded: boolean,
    silent: boolean,
  ): Outcome {
    const { id, status, output } = response;
    const answer = this.#answers.get(id);
    if ((answer?.calls ?? 0) > 0) return { kind: 'called' };
    const items = [...(answer?.items ?? [])];
    const claimed = items.some(([, said]) => said.audio);
    const why = whyOf(status);
    if (!sounded && (silent || !claimed)) {
      const text = items
        .map(([, said]) => said.text)
        .join(' ')
        .trim();
      const nothing =
        text !== '' ? 'text' : claimed ? 'no-audio' : items.length > 0 || output.length > 0 ? 'no-audio' : 'empty';
      return { kind: 'unheard', why: why ?? nothing, text };
    }
    const cut = output.findLast(({ type }) => type === 'message')?.status === 'incomplete';
    if (why === undefined || (this.isWhole(id) && !cut)) return { kind: 'said' };
    return { kind: 'partly', itemId: items.findLast(([, said]) => said.audio)?.[0] ?? '', why };
  }

  #answer(responseId: string): Answer {
    let answer = this.#answers.get(responseId);
    if (answer === undefined) {
      answer = { items: new Map(), calls: 0 };
      this.#answers.set(responseId, answer);
      if (this.#answers.size > MAX_RESPONSES) this.#answers.delete(this.#answers.keys().next().value!);
    }
    return answer;
  }

  #said(responseId: string, itemId: string): Said {
    const { items } = this.#answer(responseId);
    let said = items.get(itemId);
    if (said === undefined) {
      said = { audio: false, whole: false, text: '' };
      if (items.size < MAX_RESPONSES) items.set(itemId, said);
    }
    return said;
  }
}

/** Why a response that is not completed said less than it would have; undefined for one that is. */
function whyOf(status: string): Unheard | undefined {
  // A status that is not told is no failure.
  if (status === 'completed' || status === '') return undefined;
  return status === 'failed' || status === 'cancelled' ? status : 'incomplete';
}
