/** Calls that are kept to be held against each other. */
const MOST = 12;

/**
 * The calls that were made at the desk in this sitting. A call is known by its id alone: what is known of it is put anew where its history was read, or the stream of
 * events began again.
 * @typedef {import('./call-state.js').CallState} CallState
 * @typedef {{ words: string, voice: string, prompt?: string | undefined }} Ordered who was to answer, and by which voice; `prompt`: the name that was asked for
 */
export class Sitting {
  /** @type {Ordered | undefined} */
  #ordered;
  #before = '';
  /** The newest first. @type {Array<Ordered & { id: string, call: CallState | undefined }>} */
  #made = [];

  /** A call is about to be placed. @param {Ordered} ordered @param {string} before id of the telephone's last call, wherever that was made; '' without one */
  order(ordered, before) {
    this.#ordered = ordered;
    this.#before = before;
  }

  /** The telephone has a call of the desk's, or is about to: until that is answered it has the id of the one before. @param {string} id */
  note(id) {
    if (this.#ordered === undefined || id === '' || id === this.#before || id === this.#made[0]?.id) return;
    this.#made = [{ ...this.#ordered, id, call: undefined }, ...this.#made].slice(0, MOST);
  }

  /**
   * Those of which something is known, the newest first.
   * @param {(id: string) => CallState | undefined} find a call; undefined of one that is not known any more, which stays as it was
   */
  calls(find) {
    return this.#made.flatMap((one) => {
      one.call = find(one.id) ?? one.call;
      return one.call === undefined ? [] : [{ words: one.words, voice: one.voice, prompt: one.prompt, call: one.call }];
    });
  }
}

/**
 * The prompt that answered in place of the one that was asked for, where that was gone by then: the daemon takes a name that it does not know for none. Undefined where the right one
 * answered, or nobody knows.
 * @param {{ prompt?: string | undefined, call: CallState }} made
 */
export function answeredInstead({ prompt, call }) {
  const answered = call.info['prompt'];
  return prompt === undefined || answered === undefined || answered === prompt ? undefined : String(answered);
}
