import { randomUUID } from 'node:crypto';
import { type Clock, delay } from '../../../call/clock.ts';
import { ApiError } from '../../../http/api-error.ts';
import { type MemorySpace, memoryUnavailable, type ProcessMemory } from '../../../memory/memory.ts';

/** What a handler was answered. */
export interface Started {
  readonly sdpAnswer: string;
  readonly bridgeUrl: string;
  /** What was asked for and has no effect. */
  readonly ignored: readonly string[];
}

/** What is known of a handler's id: somebody answers its offer, it was answered, or it is over. */
type Entry =
  | { readonly state: 'starting'; readonly by: string }
  | { readonly state: 'started'; readonly answer: Started }
  | { readonly state: 'over' };

/** Calls that are remembered; the oldest go first. A day is longer than any call, and than webhooks are repeated. */
const MOST = 20_000;
const KEEP_MS = 24 * 3_600_000;
/** How long another's answer is waited for, and how often it is looked for, ms. */
const WAIT_MS = 10_000;
const LOOK_MS = 100;

/**
 * Which calls of handlers were started, by their ids: each once, however often it is asked for, by whichever process that shares the memory. One that
 * was stopped, before it came or after, is never started again.
 */
export class StartedCalls {
  readonly #space: MemorySpace<Entry>;
  readonly #clock: Pick<Clock, 'after'>;
  /** What this process is starting: whoever repeats it meanwhile gets the same promise. */
  readonly #starting = new Map<string, Promise<Started>>();

  constructor(memory: Pick<ProcessMemory, 'space'>, clock: Pick<Clock, 'after'>) {
    this.#space = memory.space({ name: 'bridge-calls', most: MOST });
    this.#clock = clock;
  }

  /**
   * The answer of this call: `start`'s, or the one there is (`repeated`). `undo` frees what `start` made where it was stopped meanwhile. One that fails
   * leaves nothing behind, so that it may be tried again. Rejects with BRIDGE_STOPPED (409), and where the memory fails with 503: nothing was started then.
   */
  async once(
    id: string,
    start: () => Promise<Started>,
    undo: () => Promise<void>,
  ): Promise<{ readonly answer: Started; readonly repeated: boolean }> {
    const before = this.#starting.get(id);
    if (before !== undefined) return { answer: await before, repeated: true };
    let repeated = false;
    const first = this.#first(id, start, undo, () => {
      repeated = true;
    });
    this.#starting.set(id, first);
    try {
      return { answer: await first, repeated };
    } finally {
      this.#starting.delete(id);
    }
  }

  /** From now on no call of this id is started. Rejects where the memory fails. */
  async over(id: string): Promise<void> {
    await this.#space.put(id, { state: 'over' }, KEEP_MS);
  }

  /** Whether it is known to be over. */
  async isOver(id: string): Promise<boolean> {
    return (await this.#space.get(id))?.state === 'over';
  }

  async #first(
    id: string,
    start: () => Promise<Started>,
    undo: () => Promise<void>,
    repeats: () => void,
  ): Promise<Started> {
    const mine: Entry = { state: 'starting', by: randomUUID() };
    const giveUp = () => this.#space.delete(id, mine).catch(() => {});
    const taken = await this.#space.putIfAbsent(id, mine, KEEP_MS).catch((error: unknown) => {
      // It may have been put all the same, with the answer lost.
      void giveUp();
      throw error;
    });
    if (!taken.put) {
      repeats();
      return this.#answerOf(id, taken.there);
    }
    let answer: Started;
    try {
      answer = await start();
    } catch (error) {
      await giveUp();
      throw error;
    }
    // Where the memory fails now, the call goes on all the same: who asks again is told to come back.
    const kept = await this.#space.replace(id, mine, { state: 'started', answer }, KEEP_MS).catch(() => true);
    if (kept) return answer;
    await undo();
    throw stopped();
  }

  /** What came of the request that was first: another process may still work on it. */
  async #answerOf(id: string, there: Entry | undefined): Promise<Started> {
    let entry = there;
    for (let waited = 0; entry?.state === 'starting' && waited < WAIT_MS; waited += LOOK_MS) {
      await delay(this.#clock, LOOK_MS);
      entry = await this.#space.get(id);
    }
    if (entry?.state === 'started') return entry.answer;
    if (entry?.state === 'over') throw stopped();
    throw memoryUnavailable('it is not known what came of the first request for this call');
  }
}

/** The refusal of a call that was stopped or is over. */
export function stopped(): ApiError {
  return new ApiError(409, 'BRIDGE_STOPPED', 'this call was stopped, or is over');
}
