/** How the daemon is set up, as it says itself: asked for now and then, and kept for whoever needs it. */

/**
 * @typedef {import('../../src/health/status-view.ts').StatusView} Status
 * @typedef {import('../../src/health/status-view.ts').Ability} Ability
 */

const EVERY_MS = 10_000;

export class DaemonStatus {
  /** @type {Status | undefined} */
  #status;
  #api;
  /** @type {Array<(status: Status) => void>} */
  #watchers = [];

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.#api = api;
    setInterval(() => {
      if (!document.hidden) void this.look();
    }, EVERY_MS);
  }

  /** Undefined until it was asked for. */
  get current() {
    return this.#status;
  }

  /** @param {(status: Status) => void} told of each answer, and of the last one at once */
  watch(told) {
    this.#watchers.push(told);
    if (this.#status !== undefined) told(this.#status);
  }

  /** Asks. Resolves to what is known then, which may be the last answer, or nothing. */
  async look() {
    try {
      /** @type {Status} */
      const status = await this.#api.get('status');
      this.#status = status;
      for (const told of this.#watchers) told(status);
    } catch {
      // What was known stays; that the daemon is away is said elsewhere.
    }
    return this.#status;
  }
}
