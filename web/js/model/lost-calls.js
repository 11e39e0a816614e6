/** How often, with that pause between, the records are asked how a call ended, ms. */
const TRIES = 20;
const WAIT_MS = 1_500;
/** Calls that are asked for one by one in a round: those that began before all that a page of records has. */
const ONE_BY_ONE = 4;

/**
 * How calls ended that the daemon does not know any more: their records say it, a moment after a daemon that was killed has started anew. With many calls lost at once
 * they are asked for together: an operator who wants to do something then is not to be refused for requests of his own page.
 *
 * @typedef {{ id: string, endedAt: string | null, result: string, reason: string, durationMs: number | null }} EndedRecord
 */
export class LostCalls {
  #o;
  /** How often each was looked for. @type {Map<string, number>} */
  #sought = new Map();
  #running = false;

  /**
   * @param {object} options
   * @param {() => Promise<EndedRecord[]>} options.newest the newest records
   * @param {(id: string) => Promise<EndedRecord>} options.one
   * @param {(record: EndedRecord) => void} options.found
   * @param {(ms: number) => Promise<unknown>} [options.wait]
   */
  constructor({ newest, one, found, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }) {
    this.#o = { newest, one, found, wait };
  }

  /** @param {readonly string[]} ids */
  seek(ids) {
    for (const id of ids) this.#sought.set(id, 0);
    if (!this.#running && this.#sought.size > 0) void this.#run();
  }

  async #run() {
    const { newest, one, wait } = this.#o;
    this.#running = true;
    while (this.#sought.size > 0) {
      // The daemon, or its store, may not be back yet; or there is no record.
      const seen = new Set();
      for (const record of await newest().catch(() => [])) {
        seen.add(record.id);
        this.#take(record);
      }
      for (const [id, tries] of [...this.#sought].filter(([sought]) => !seen.has(sought)).slice(0, ONE_BY_ONE)) {
        // Others have their turn before it is asked for again.
        this.#sought.delete(id);
        this.#sought.set(id, tries);
        await one(id).then(
          (record) => this.#take(record),
          () => {},
        );
      }
      for (const [id, tries] of this.#sought) {
        if (tries + 1 >= TRIES) this.#sought.delete(id);
        else this.#sought.set(id, tries + 1);
      }
      if (this.#sought.size > 0) await wait(WAIT_MS);
    }
    this.#running = false;
  }

  /** @param {EndedRecord} record */
  #take(record) {
    if (record.endedAt !== null && this.#sought.delete(record.id)) this.#o.found(record);
  }
}
