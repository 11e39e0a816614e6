import type { AgentEvent } from '../../call/events.ts';
import type { RoomTranscript } from '../../rooms/room.ts';

type Words = Extract<AgentEvent, { type: 'transcript' }>;

/** Words that are not final are shown so often at most, ms: each time is a message to everybody in the room. */
const EVERY_MS = 250;
/** Utterances whose words are put together at a time; beyond, the oldest goes on without its beginning. So many that were shown whole are remembered, too. */
const MOST = 32;
/** Longest utterance that is shown, characters. */
const LONGEST = 8_000;

/** What is said, for everybody in the room: pieces of words put together to what an utterance says so far. */
export class RoomTranscripts {
  readonly #send: (line: RoomTranscript) => void;
  readonly #open = new Map<string, { text: string; shownAt: number }>();
  /** Those that were final with words. An answer is so when the model has made it, and may be taken back when it is known that nobody heard it. */
  readonly #whole = new Set<string>();

  constructor(send: (line: RoomTranscript) => void) {
    this.#send = send;
  }

  /** Shows these words, or adds them to what will be shown. `identity`: whose they are, undefined for the agent's. `now`: ms. */
  tell(
    { itemId, text, final }: Pick<Words, 'itemId' | 'text' | 'final'>,
    identity: string | undefined,
    now: number,
  ): void {
    if (final) {
      const shown = [this.#open.delete(itemId), this.#whole.delete(itemId)].includes(true);
      // Nothing was said after all: who was shown something of it is told, others need not be.
      if (text === '' && !shown) return;
      if (text !== '') this.#whole.add(itemId);
      if (this.#whole.size > MOST) this.#whole.delete(this.#whole.keys().next().value!);
      this.#send({ segmentId: itemId, identity, text: text.slice(0, LONGEST), final });
      return;
    }
    const utterance = this.#open.get(itemId) ?? { text: '', shownAt: Number.NEGATIVE_INFINITY };
    utterance.text = (utterance.text + text).slice(0, LONGEST);
    this.#open.set(itemId, utterance);
    if (this.#open.size > MOST) this.#open.delete(this.#open.keys().next().value!);
    if (now - utterance.shownAt < EVERY_MS) return;
    utterance.shownAt = now;
    this.#send({ segmentId: itemId, identity, text: utterance.text, final });
  }
}
