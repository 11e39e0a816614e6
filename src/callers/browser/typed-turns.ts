import type { PageError } from './page.ts';

/** Typed turns in a minute: more is no person typing, and each costs an answer. */
const PER_MINUTE = 30;
/** So many ids are remembered, to know a turn that is sent again because its acknowledgement was lost. */
const REMEMBER = 64;

export type Verdict = 'new' | 'repeated' | PageError;

/** Which typed turns of one call are taken: each once, and not too many. Pure. */
export class TypedTurns {
  readonly #ids = new Set<string>();
  #times: number[] = [];

  /** Judges the turn with this id (undefined: it has none, so it is always a new one) at `now`, ms. */
  take(id: string | undefined, now: number): Verdict {
    if (id !== undefined && this.#ids.has(id)) return 'repeated';
    this.#times = this.#times.filter((at) => now - at < 60_000);
    if (this.#times.length >= PER_MINUTE)
      return { code: 'TEXT_TOO_MANY', message: `${PER_MINUTE} typed turns in a minute are the most` };
    this.#times.push(now);
    if (id === undefined) return 'new';
    this.#ids.add(id);
    if (this.#ids.size > REMEMBER) this.#ids.delete(this.#ids.keys().next().value!);
    return 'new';
  }
}
