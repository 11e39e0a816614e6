import type { StreamTold } from '../stream/session.ts';

/** Segments that are not complete and are kept; nobody speaks so many at once. */
const MOST_OPEN = 64;

/** What was said, as agents write it into their room: each text is all of a segment so far. https://docs.livekit.io/agents/build/text/ */
export class Segments {
  readonly #told: Pick<StreamTold, 'transcript'>;
  readonly #open = new Map<string, string>();

  constructor(told: Pick<StreamTold, 'transcript'>) {
    this.#told = told;
  }

  take(role: 'caller' | 'agent', text: string, attributes: Readonly<Record<string, string>>): void {
    const id = attributes['lk.segment_id'] ?? '';
    const key = `${role} ${id}`;
    const before = this.#open.get(key) ?? '';
    if (attributes['lk.transcription_final'] === 'true' || id === '') {
      this.#open.delete(key);
      // Blank is what was begun and not heard.
      if (text !== '' || before !== '') this.#told.transcript(role, text, true, key);
      return;
    }
    if (this.#open.size >= MOST_OPEN) this.#open.delete(this.#open.keys().next().value!);
    this.#open.set(key, text);
    // What was understood anew is told when it is whole.
    if (text.length > before.length && text.startsWith(before))
      this.#told.transcript(role, text.slice(before.length), false, key);
  }
}
