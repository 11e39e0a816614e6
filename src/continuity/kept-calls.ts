import { type CarrierCall, carrierCallKey } from '../call/carrier-call.ts';
import type { Said } from '../call/said.ts';
import type { MemorySpace, ProcessMemory } from '../memory/memory.ts';

/**
 * What all instances know of the calls that a carrier may bring back: which call it is, who has it, how it was brought, and what was said in it.
 * Two entries a call, since one is written once and the other again and again: by the carrier's id of the call who has it now, and by our id the words.
 * Whoever goes on with a call changes the first in one step, so that of two who want it one gets it; and what the one before still writes, because
 * it was cut off and not dead, goes to an id that nobody reads any more.
 */
export interface KeptCall<Brought> {
  /** Our id of the call as it is now: it has another in each of its lives. */
  readonly callId: string;
  /** The instance that has it. */
  readonly instance: string;
  /** How often another instance went on with it. */
  readonly lives: number;
  /** What it was brought with, as JSON: all that is needed to have it answered again as it was. */
  readonly brought: Brought;
  /** What comes next for its caller, since it is over; left out while it goes on. */
  readonly next?: 'hangup' | 'apology';
}

/** Words that nobody renews are gone after this, ms. */
export const WORDS_MS = 600_000;
/** How long it is known of a call that is over what comes next, ms. */
const AFTER_END_MS = 600_000;
/** A call whose end is told by nobody is forgotten after this, ms: longer than any may last. */
const WITHOUT_END_MS = 25 * 3_600_000;
const MOST = 20_000;

export class KeptCalls<Brought> {
  readonly #calls: MemorySpace<KeptCall<Brought>>;
  readonly #words: MemorySpace<readonly Said[]>;

  constructor(memory: ProcessMemory) {
    this.#calls = memory.space({ name: 'kept-calls', most: MOST });
    this.#words = memory.space({ name: 'kept-words', most: MOST });
  }

  /** Every method rejects where the memory cannot be reached. */
  async find(call: CarrierCall): Promise<KeptCall<Brought> | undefined> {
    return this.#calls.get(carrierCallKey(call));
  }

  async keep(call: CarrierCall, kept: KeptCall<Brought>): Promise<void> {
    await this.#calls.put(carrierCallKey(call), kept, WITHOUT_END_MS);
  }

  /** As `keep`, where nothing is known of it: a memory that was away may have lost it, or somebody else may have gone on with it meanwhile. */
  async keepAnew(call: CarrierCall, kept: KeptCall<Brought>): Promise<void> {
    await this.#calls.putIfAbsent(carrierCallKey(call), kept, WITHOUT_END_MS);
  }

  /** Puts `now` where it still is as it was read; false where somebody else was quicker. */
  async change(call: CarrierCall, was: KeptCall<Brought>, now: KeptCall<Brought>): Promise<boolean> {
    return this.#calls.replace(carrierCallKey(call), was, now, now.next === undefined ? WITHOUT_END_MS : AFTER_END_MS);
  }

  async said(callId: string): Promise<readonly Said[]> {
    return (await this.#words.get(callId)) ?? [];
  }

  async keepSaid(callId: string, said: readonly Said[]): Promise<void> {
    await this.#words.put(callId, said, WORDS_MS);
  }

  async forgetSaid(callId: string): Promise<void> {
    await this.#words.delete(callId);
  }
}
