/** Messages that a far end may send in a run, and a second after it. */
const BURST = 40;
const PER_SECOND = 10;
/** A far end of which so many messages were refused is none of ours. As many as these a second are forgiven, and no good message forgives more. */
const FLOOD_END = 1_000;
const FORGIVEN_PER_SECOND = 5;

/** How many messages somebody else's program may send on a channel of its call: one that never stops must harm nobody. */
export class MessageLimit {
  readonly #unit: number;
  #tokens = BURST;
  #at: number | undefined;
  #refused = 0;
  #first = false;

  /** `unit`: characters up to which a message counts as one; a longer one counts as several. */
  constructor(unit: number) {
    this.#unit = unit;
  }

  /** Whether one more message is taken at `now`, ms; `flood` when its sender should not be asked again. */
  admit(now: number, characters = 0): 'taken' | 'refused' | 'flood' {
    const seconds = (now - (this.#at ?? now)) / 1_000;
    this.#at = now;
    this.#tokens = Math.min(BURST, this.#tokens + seconds * PER_SECOND);
    this.#refused = Math.max(0, this.#refused - seconds * FORGIVEN_PER_SECOND);
    const cost = Math.max(1, characters / this.#unit);
    if (this.#tokens >= cost) {
      this.#tokens -= cost;
      return 'taken';
    }
    this.#first = this.#refused === 0;
    this.#refused += cost;
    return this.#refused > FLOOD_END ? 'flood' : 'refused';
  }

  /** Whether the last refusal was the first since all earlier ones were forgiven: only that one is answered. */
  get firstRefusal(): boolean {
    return this.#first;
  }
}
