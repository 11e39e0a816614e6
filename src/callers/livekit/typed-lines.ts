/** Typed turns of one person in a minute: more is no person typing, and each costs an answer. */
const EACH = 30;
/** Of all people of a room together: the one agent answers one after the other, and none of so many lines would be answered in time. */
const TOGETHER = 120;
const MINUTE_MS = 60_000;

/** Whose typed lines are taken: not too many of anybody, so that who floods leaves the others their turns, and not too many in all. Pure; holds `TOGETHER` times at most. */
export class TypedLines {
  /** Who wrote when, ms, of the last minute. Kept by identity and not with the person: who leaves and comes again has no more of them. */
  #taken: Array<{ readonly identity: string; readonly at: number }> = [];

  /** Whether one more line of this person's is taken at `now`, ms. */
  take(identity: string, now: number): boolean {
    this.#taken = this.#taken.filter(({ at }) => now - at < MINUTE_MS);
    if (this.#taken.length >= TOGETHER) return false;
    if (this.#taken.filter((one) => one.identity === identity).length >= EACH) return false;
    this.#taken.push({ identity, at: now });
    return true;
  }
}
