/** What is written in the page and in no file yet: prompts that can be called before they are saved. */
export class Unsaved {
  /** @type {Map<string, string>} */
  #texts = new Map();
  /** @type {Array<() => void>} */
  #watchers = [];
  /** @type {Set<string>} */
  #edited = new Set();

  /** What was written in the page and would be lost with it, by name: prompts, new or not, and the routes. */
  get edited() {
    return [...this.#edited];
  }

  /** @param {string} name @param {boolean} is whether its text is another than what is kept of it */
  edit(name, is) {
    if (is) this.#edited.add(name);
    else this.#edited.delete(name);
  }

  /** Names of those that there are, in the order in which they came to be. */
  get names() {
    return [...this.#texts.keys()];
  }

  /** @param {string} name @returns {string | undefined} undefined where nothing unsaved has this name */
  text(name) {
    return this.#texts.get(name);
  }

  /** @param {string} name @param {string | undefined} text undefined: it is as its file is */
  put(name, text) {
    const had = this.#texts.has(name);
    if (text === undefined) this.#texts.delete(name);
    else this.#texts.set(name, text);
    if (had !== this.#texts.has(name)) for (const told of this.#watchers) told();
  }

  /** @param {() => void} told of each that comes and goes */
  watch(told) {
    this.#watchers.push(told);
  }
}
