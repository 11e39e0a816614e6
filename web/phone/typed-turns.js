/**
 * What was typed and how far it has come: pending until the server says it has it, failed when it refuses or says nothing in time. A failed
 * turn is sent again under the same id, so that it is one turn even if only the acknowledgement was lost.
 * @typedef {{ id: string, text: string, state: 'pending' | 'accepted' | 'failed', code?: string | undefined,
 *   message?: string | undefined }} TypedTurn
 */

/** How long the server may take to acknowledge a turn, ms. */
const ACKNOWLEDGE_MS = 8_000;

export class TypedTurns {
  /** @type {Map<string, TypedTurn>} */
  #turns = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  #send;
  #changed;

  /**
   * @param {(message: { type: 'text', id: string, text: string }) => boolean} send false when it cannot be sent
   * @param {(turn: TypedTurn) => void} changed
   */
  constructor(send, changed) {
    this.#send = send;
    this.#changed = changed;
  }

  /**
   * Sends a new turn; gives its id.
   * @param {string} text
   */
  add(text) {
    const id = randomId();
    this.#turns.set(id, { id, text, state: 'pending' });
    this.#try(id);
    return id;
  }

  /** @param {string} id */
  retry(id) {
    if (this.#turns.get(id)?.state === 'failed') this.#try(id);
  }

  /** @param {string} id */
  accepted(id) {
    this.#settle(id, { state: 'accepted' });
  }

  /**
   * @param {string} id
   * @param {string} code
   * @param {string} [message]
   */
  failed(id, code, message) {
    if (this.#turns.get(id)?.state === 'pending') this.#settle(id, { state: 'failed', code, message });
  }

  /**
   * All that is pending fails: the line is gone.
   * @param {string} code
   */
  failAll(code) {
    for (const turn of this.#turns.values()) this.failed(turn.id, code);
  }

  /** @param {string} id */
  #try(id) {
    const turn = this.#turns.get(id);
    if (turn === undefined) return;
    this.#update(id, { state: 'pending' });
    if (!this.#send({ type: 'text', id, text: turn.text })) {
      this.failed(id, 'NOT_CONNECTED');
      return;
    }
    clearTimeout(this.#timers.get(id));
    this.#timers.set(
      id,
      setTimeout(() => this.failed(id, 'TIMEOUT'), ACKNOWLEDGE_MS),
    );
  }

  /**
   * @param {string} id
   * @param {Pick<TypedTurn, 'state' | 'code' | 'message'>} to
   */
  #settle(id, to) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#update(id, to);
  }

  /**
   * @param {string} id
   * @param {Pick<TypedTurn, 'state' | 'code' | 'message'>} to
   */
  #update(id, to) {
    const turn = this.#turns.get(id);
    if (turn === undefined) return;
    const next = { id, text: turn.text, ...to };
    this.#turns.set(id, next);
    this.#changed(next);
  }
}

/** A random id; `crypto.randomUUID` is there on secure pages alone. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
