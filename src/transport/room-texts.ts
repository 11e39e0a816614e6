/** Text streams that one participant may have open at once: an agent has one for each line that it is saying, people one for what they send. */
const MOST_OPEN = 8;

/** What is read of a text stream of the library's. */
export interface TextReader {
  /** All of it, once it has ended. Rejects where it breaks off, or is too long. */
  readAll(): Promise<string>;
  /** Nothing more of it is wanted. */
  close(): Promise<void>;
}

/**
 * Reads the text streams of a room. Until a stream ends the library shows it every event of all rooms of the process, frames of audio too: whoever opened thousands
 * and ended none would have all of them stand still.
 */
export class RoomTexts {
  readonly #open = new Map<string, number>();

  /** All of a stream that `identity` began; undefined where it broke off, was too long, or is one too many. Never rejects. */
  async read(identity: string, reader: TextReader): Promise<string | undefined> {
    const open = this.#open.get(identity) ?? 0;
    if (open >= MOST_OPEN) {
      await reader.close().catch(() => {});
      return undefined;
    }
    this.#open.set(identity, open + 1);
    try {
      return await reader.readAll();
    } catch {
      await reader.close().catch(() => {});
      return undefined;
    } finally {
      const left = this.#open.get(identity)! - 1;
      if (left > 0) this.#open.set(identity, left);
      else this.#open.delete(identity);
    }
  }
}
