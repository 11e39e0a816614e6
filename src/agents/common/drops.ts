import type { Count, Counter } from '../../call/counters.ts';
import type { Log } from '../../call/leg.ts';

/** What the model sent, or was sent, and nobody could use: counted each time, and told in the log once a call for each kind. */
export class Drops {
  readonly #count: Count;
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(count: Count, log: Log) {
    this.#count = count;
    this.#log = log;
  }

  /** `what` names the kind, in words; `fields` hold nothing that anybody said. */
  tell(counter: Counter, what: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#count(counter);
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#log.warn({ counter, ...fields }, `${what}; others of this call are only counted`);
  }
}
