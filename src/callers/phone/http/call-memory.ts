import { type CarrierCall, carrierCallKey } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';

/**
 * Which of the carrier's calls were answered, and with what. A carrier repeats a webhook whose answer it did not get, and its signature
 * holds neither time nor nonce, so whoever saw one can replay it: both must get the same document and start nothing. The token in that
 * document works once and for a minute, so an old answer opens nothing either. A carrier whose stream was opened has its answer: when it brings
 * the call again, that is a new visit of it.
 */

/** How long a call is remembered after it ended, ms. */
const AFTER_END_MS = 600_000;
/** How long it is remembered when its end is never told, ms: longer than any call may last. */
const WITHOUT_END_MS = 25 * 3_600_000;
const DEFAULT_CAPACITY = 20_000;

/** The answer to a call's first webhook; `undefined` when the call is known but its answer is not. */
export type Answer = Promise<string> | undefined;

interface Entry {
  answer: Answer;
  forgetAt: number;
  /** How many answers were made, one for each time that the carrier brought the call. */
  visits: number;
  /** Whether the stream of the last answer was opened: the carrier has got it, and does not ask for it again. */
  opened: boolean;
}

export class CallMemory {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #afterEndMs: number;
  readonly #calls = new Map<string, Entry>();
  #lastSweep: number;

  constructor(clock: Clock, options: { capacity?: number; afterEndMs?: number } = {}) {
    this.#clock = clock;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
    this.#afterEndMs = options.afterEndMs ?? AFTER_END_MS;
    this.#lastSweep = clock.now();
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Whether this call was answered before, and with what. */
  recall(call: CarrierCall): Readonly<Pick<Entry, 'answer' | 'visits' | 'opened'>> | undefined {
    const key = carrierCallKey(call);
    const entry = this.#calls.get(key);
    if (entry === undefined) return undefined;
    if (entry.forgetAt > this.#clock.now()) return entry;
    this.#calls.delete(key);
    return undefined;
  }

  /** Keeps the answer, already while it is being made, so that a repetition waits for the same one. */
  remember(call: CarrierCall, answer: Promise<string>): void {
    const key = carrierCallKey(call);
    const visits = (this.#calls.get(key)?.visits ?? 0) + 1;
    this.#put(key, { answer, forgetAt: this.#clock.now() + WITHOUT_END_MS, visits, opened: false });
  }

  /** Takes an answer back that started nothing: the next webhook of the call is a first one again. */
  forget(call: CarrierCall): void {
    this.#calls.delete(carrierCallKey(call));
  }

  /** The call ended: ten minutes from now it is forgotten, also when it had never been answered here. */
  ended(call: CarrierCall): void {
    const key = carrierCallKey(call);
    const { answer, visits = 0, opened = false } = this.#calls.get(key) ?? {};
    this.#put(key, { answer, forgetAt: this.#clock.now() + this.#afterEndMs, visits, opened });
  }

  /** Whether the carrier has brought this call before, and now brings it again. */
  isVisitedAgain(call: CarrierCall): boolean {
    return (this.#calls.get(carrierCallKey(call))?.visits ?? 0) > 1;
  }

  /** The stream of the last answer is open. */
  opened(call: CarrierCall): void {
    const entry = this.#calls.get(carrierCallKey(call));
    if (entry !== undefined) entry.opened = true;
  }

  #put(key: string, entry: Entry): void {
    // Deleted first, so that the map's order is the order of the last news.
    this.#calls.delete(key);
    this.#calls.set(key, entry);
    this.#sweep();
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size <= this.#capacity) return;
      this.#calls.delete(oldest);
    }
  }

  #sweep(): void {
    const now = this.#clock.now();
    if (now - this.#lastSweep < 60_000) return;
    this.#lastSweep = now;
    for (const [id, entry] of this.#calls) {
      if (entry.forgetAt <= now) this.#calls.delete(id);
    }
  }
}
