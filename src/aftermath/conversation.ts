import type { RecordedEvent } from '../records/event.ts';
import type { Line } from './wanted.ts';

/** Lines kept of one call. */
const LINES_MOST = 5_000;
/** Words kept of one call, UTF-16 units. */
const CHARACTERS_MOST = 400_000;

interface Begun {
  speaker: Line['speaker'];
  text: string;
  readonly itemId: unknown;
}

/** What is said in one call, as its events tell it. */
export class Conversation {
  /** In the order in which they were begun: the caller's words are known when the agent has answered them. */
  readonly #lines: Begun[] = [];
  #characters = 0;

  /** An event of the call; those that tell of no words change nothing. */
  add({ type, data }: Pick<RecordedEvent, 'type' | 'data'>): void {
    if (type === 'agent.speech_started') this.#lineOf('caller', data['itemId']);
    else if (type === 'agent.audio_started') this.#lineOf('agent', data['itemId']);
    else if (type === 'agent.transcript' || type === 'caller.text') {
      const text = typeof data['text'] === 'string' ? data['text'].trim() : '';
      if (text === '' || this.#characters + text.length > CHARACTERS_MOST) return;
      this.#characters += text.length;
      const speaker = data['operator'] === true ? 'operator' : data['role'] === 'agent' ? 'agent' : 'caller';
      const line = this.#lineOf(speaker, data['itemId']);
      // Whose words they are is known with them: when they began somebody was heard, no more.
      if (line !== undefined) Object.assign(line, { speaker, text });
    }
  }

  /** Undefined where the caller said nothing: there is nothing to be made of it. */
  get lines(): readonly Line[] | undefined {
    const lines = this.#lines.flatMap(({ speaker, text }) => (text === '' ? [] : [{ speaker, text }]));
    return lines.some(({ speaker }) => speaker === 'caller') ? lines : undefined;
  }

  /** The line of an item, which keeps its place from its beginning on; undefined where there are too many. */
  #lineOf(speaker: Line['speaker'], itemId: unknown): Begun | undefined {
    const known = itemId === undefined ? undefined : this.#lines.findLast((line) => line.itemId === itemId);
    if (known !== undefined || this.#lines.length >= LINES_MOST) return known;
    const line = { speaker, text: '', itemId };
    this.#lines.push(line);
    return line;
  }
}
