import { randomUUID } from 'node:crypto';
import { type CarrierCall, carrierCallKey } from '../../../call/carrier-call.ts';
import { type Clock, delay } from '../../../call/clock.ts';
import { type Change, changeEntry } from '../../../memory/change.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';

/**
 * Which of the carrier's calls were answered, and with what. A carrier repeats a webhook whose answer it did not get, and its signature
 * holds neither time nor nonce, so whoever saw one can replay it: both must get the same document and start nothing. The token in that
 * document works once and for a minute, so an old answer opens nothing either. A carrier whose stream was opened has its answer: when it brings
 * the call again, that is a new visit of it.
 *
 * While an answer is made, its promise is in this process, and whoever repeats the webhook here waits for that; what came of it is in the
 * memory, for all processes. Where the memory fails a caller is answered all the same: an answer that cannot be recalled is made anew, and for
 * a call that still runs that is another way into the same call.
 */

/** How long a call is remembered after it ended, ms. */
const AFTER_END_MS = 600_000;
/** How long it is remembered when its end is never told, ms: longer than any call may last. */
const WITHOUT_END_MS = 25 * 3_600_000;
const DEFAULT_CAPACITY = 20_000;
/** Calls of which this process knows itself how it left them; of others it reads that. */
const KNOWN_MOST = 2_000;
/** How long another process may take to make its answer, and how often that is looked for, ms. Carriers wait for 15 s. */
const ELSEWHERE_MS = 3_000;
const LOOK_MS = 50;

interface Entry {
  /** Tells the answers of one call apart. */
  readonly id: string;
  /** How many answers were made, one for each time that the carrier brought the call. */
  readonly visits: number;
  /** Whether the stream of the last answer was opened: the carrier has got it, and does not ask for it again. */
  readonly opened: boolean;
  /** Whether the call has ended. */
  readonly over: boolean;
  /** Whether nobody works on the answer any more. */
  readonly made: boolean;
  /** None of a call that ended and was answered nowhere. */
  readonly answer?: string;
}

/** A call that was brought before. */
export interface Visit extends Pick<Entry, 'id' | 'visits' | 'opened'> {
  /**
   * What it was answered with, also while that is still being made; without a document where the call is known and its answer is not.
   * Undefined: whoever was to make the answer never did.
   */
  answer(): Promise<{ readonly document: string | undefined } | undefined>;
}

/** An answer that was just made. `started`: whether there is a call now; else the next webhook of the call is a first one again. */
export interface Made {
  readonly document: string;
  readonly started: boolean;
}

/** The answer to give. `first`: it was made for this webhook, and is no repetition. */
export interface Answered {
  readonly document: string | undefined;
  readonly first: boolean;
}

export interface CallMemoryOptions {
  readonly memory: ProcessMemory;
  readonly clock: Pick<Clock, 'after'>;
  readonly capacity?: number;
  readonly afterEndMs?: number;
}

export class CallMemory {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #afterEndMs: number;
  readonly #calls: MemorySpace<Entry>;
  /** Calls that go on, as this process left them: most are changed by nobody else, and need not be read. */
  readonly #known = new Map<string, Entry>();
  /** The answers that this process makes at the moment. */
  readonly #making = new Map<
    string,
    { readonly id: string; readonly visits: number; readonly made: Promise<Answered> }
  >();

  constructor({ memory, clock, capacity = DEFAULT_CAPACITY, afterEndMs = AFTER_END_MS }: CallMemoryOptions) {
    this.#clock = clock;
    this.#afterEndMs = afterEndMs;
    this.#calls = memory.space({ name: 'calls', most: capacity });
  }

  /** Whether this call was answered before, and with what. Never rejects. */
  async recall(call: CarrierCall): Promise<Visit | undefined> {
    const key = carrierCallKey(call);
    const making = this.#making.get(key);
    if (making !== undefined) return { ...making, opened: false, answer: () => making.made };
    const entry = await this.#calls.get(key).catch(() => undefined);
    return entry === undefined ? undefined : { ...entry, answer: () => this.#answerOf(key, entry) };
  }

  /**
   * Answers a call that is brought for the first time, or again after `before`. Of all webhooks that come at once, one has `make` make the answer,
   * and the others get the same. Rejects as `make` does; then nothing is remembered.
   */
  async answer(call: CarrierCall, before: Visit | undefined, make: () => Promise<Made>): Promise<Answered> {
    const key = carrierCallKey(call);
    const making = this.#making.get(key);
    if (making !== undefined && making.id !== before?.id)
      return { document: (await making.made).document, first: false };
    const mine: Entry = {
      id: randomUUID(),
      visits: (before?.visits ?? 0) + 1,
      opened: false,
      over: false,
      made: false,
    };
    const made = this.#make(key, mine, before, make);
    this.#making.set(key, { id: mine.id, visits: mine.visits, made });
    try {
      return await made;
    } finally {
      if (this.#making.get(key)?.id === mine.id) this.#making.delete(key);
    }
  }

  /** The call ended: ten minutes from now it is forgotten, also when it had never been answered here. Never rejects. */
  async ended(call: CarrierCall): Promise<void> {
    const unknown = { id: randomUUID(), visits: 0, opened: false, over: false, made: true };
    const key = carrierCallKey(call);
    await this.#change(key, (now = unknown) => (now.over ? undefined : this.#kept({ ...now, over: true })));
    this.#known.delete(key);
  }

  /** Whether the carrier has brought this call before, and now brings it again: to be asked while its answer is made. */
  isVisitedAgain(call: CarrierCall): boolean {
    return (this.#making.get(carrierCallKey(call))?.visits ?? 0) > 1;
  }

  /** The stream of the last answer is open. Never rejects. */
  async opened(call: CarrierCall): Promise<void> {
    await this.#change(carrierCallKey(call), (now) => now && this.#kept({ ...now, opened: true }));
  }

  async #make(key: string, mine: Entry, before: Visit | undefined, make: () => Promise<Made>): Promise<Answered> {
    for (let after = before?.id; ; ) {
      const there = await this.#claim(key, mine, after);
      if (there === undefined) break;
      const told = await this.#answerOf(key, there);
      if (told !== undefined) return { ...told, first: false };
      // Whoever was quicker is gone: the answer is this process's to make after all.
      after = there.id;
    }
    const isMine = (change: (now: Entry) => Change<Entry>) =>
      this.#change(key, (now) => (now?.id === mine.id ? change(now) : undefined));
    try {
      const { document, started } = await make();
      await isMine((now) => (started ? this.#kept({ ...now, made: true, answer: document }) : 'forget'));
      return { document, first: true };
    } catch (error) {
      await isMine(() => 'forget');
      throw error;
    }
  }

  /** Takes it on to make the next answer; the entry of whoever was quicker. */
  async #claim(key: string, mine: Entry, after: string | undefined): Promise<Entry | undefined> {
    let there: Entry | undefined;
    const take = (now: Entry | undefined) => {
      there = now === undefined || now.id === after ? undefined : now;
      return there === undefined ? this.#kept(mine) : undefined;
    };
    // One that was just looked for in vain is most likely still unknown.
    await this.#change(key, take, after === undefined ? { entry: undefined } : undefined);
    return there;
  }

  async #answerOf(key: string, there: Entry): Promise<{ readonly document: string | undefined } | undefined> {
    let entry: Entry | undefined = there;
    for (let waited = 0; entry !== undefined; waited += LOOK_MS) {
      if (entry.made || entry.over) return { document: entry.answer };
      if (waited >= ELSEWHERE_MS) return undefined;
      await delay(this.#clock, LOOK_MS);
      entry = await this.#calls.get(key).catch(() => undefined);
    }
    return undefined;
  }

  #kept(value: Entry): Change<Entry> {
    return { value, ttlMs: value.over ? this.#afterEndMs : WITHOUT_END_MS };
  }

  /** What cannot be changed stays as it is. */
  async #change(
    key: string,
    change: (now: Entry | undefined) => Change<Entry>,
    known: { readonly entry: Entry | undefined } | undefined = this.#knownOf(key),
  ): Promise<void> {
    try {
      this.#know(key, await changeEntry(this.#calls, key, change, known));
    } catch {
      this.#known.delete(key);
    }
  }

  #knownOf(key: string): { readonly entry: Entry } | undefined {
    const entry = this.#known.get(key);
    return entry && { entry };
  }

  #know(key: string, entry: Entry | undefined): void {
    this.#known.delete(key);
    if (entry === undefined || entry.over) return;
    this.#known.set(key, entry);
    if (this.#known.size <= KNOWN_MOST) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }
}
