/**
 * What is said in the room, line by line, as its text streams bring it: a stream that comes with the id of a line takes that line's place, and grows by its chunks.
 * https://docs.livekit.io/agents/build/text/
 *
 * @typedef {{ id: string, name: string, text: string, isFinal: boolean }} Line
 */

/** Lines kept. */
const LIMIT = 500;

export class Transcript {
  #tell;
  /** @type {Map<string, Line>} */
  #lines = new Map();

  /** @param {() => void} tell told of every change */
  constructor(tell) {
    this.#tell = tell;
  }

  /** In the order in which they began. */
  get lines() {
    return [...this.#lines.values()];
  }

  clear() {
    this.#lines.clear();
    this.#tell();
  }

  /**
   * What this page wrote.
   * @param {string} id
   * @param {string} text
   */
  wrote(id, text) {
    this.#put({ id, name: 'You wrote', text, isFinal: true });
  }

  /**
   * Reads a stream to its end. Never rejects: what breaks off stays as far as it came.
   * @param {AsyncIterable<string> & { info: { id: string, attributes?: Record<string, string> | undefined } }} reader
   * @param {string} name who speaks
   */
  async read(reader, name) {
    const { id: streamId, attributes = {} } = reader.info;
    const id = attributes['lk.segment_id'] ?? streamId;
    const isFinal = attributes['lk.transcription_final'] === 'true';
    let text = '';
    try {
      for await (const chunk of reader) {
        text += chunk;
        this.#put({ id, name, text, isFinal: false });
      }
    } catch {
      // The connection broke in the middle of it.
    }
    // What was begun and not heard after all is blank in the end.
    if (isFinal && text.trim() === '') this.#take(id);
    else if (text !== '') this.#put({ id, name, text, isFinal });
  }

  /** @param {string} id */
  #take(id) {
    if (this.#lines.delete(id)) this.#tell();
  }

  /** @param {Line} line */
  #put(line) {
    this.#lines.set(line.id, line);
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > LIMIT && oldest !== undefined) this.#lines.delete(oldest);
    this.#tell();
  }
}
