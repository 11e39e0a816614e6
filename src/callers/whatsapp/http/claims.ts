import type { Log } from '../../../call/leg.ts';
import { errorCode } from '../../../errors.ts';
import { changeEntry } from '../../../memory/change.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';

/**
 * Which of Meta's calls were taken on, and which are over. Meta delivers each webhook at least once and in no order: a connect may come twice, also
 * when its call is long over, and a terminate may come before its connect. So of all processes one takes a call on, once; and a terminate of a call
 * that nobody has seen leaves a tombstone, by which the connect that follows is known to have nobody behind it.
 *
 * Where the memory fails, what this process knows itself must do: a caller is answered all the same, and a connect that comes twice to two
 * processes then is answered by both, of which Meta takes one.
 */

/** How long it is remembered that a call is over, ms: Meta's repetitions come within minutes. What comes later is told by its own time. */
export const OVER_MS = 3_600_000;
/** How long a call is remembered whose end is never told, ms: longer than any call may last. */
const RUNNING_MS = 25 * 3_600_000;
const CAPACITY = 50_000;

interface Entry {
  /** The process that took it on; undefined of a tombstone. */
  readonly owner?: string;
  readonly over: boolean;
}

/** `mine`: take it on. `ended-first`: nobody is there any more, and this is the one connect to tell it. `repeated`: somebody has seen to it. */
export type Claim = 'mine' | 'ended-first' | 'repeated';

export interface ClaimsOptions {
  readonly memory: ProcessMemory;
  /** Names this process among those that share the memory. */
  readonly instance: string;
  readonly log: Pick<Log, 'warn'>;
}

export class Claims {
  readonly #calls: MemorySpace<Entry>;
  readonly #o: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#o = options;
    this.#calls = options.memory.space({ name: 'whatsapp-calls', most: CAPACITY });
  }

  /** A connect came. Never rejects. */
  async claim(id: string): Promise<Claim> {
    const mine: Entry = { owner: this.#o.instance, over: false };
    try {
      const put = await this.#calls.putIfAbsent(id, mine, RUNNING_MS);
      if (put.put) return 'mine';
      const { there } = put;
      if (there === undefined || there.owner !== undefined) return 'repeated';
      // Of all connects that find the tombstone one tells it.
      const told = await this.#calls.replace(id, there, { ...mine, over: true }, OVER_MS);
      return told ? 'ended-first' : 'repeated';
    } catch (error) {
      this.#failed(error);
      return 'mine';
    }
  }

  /** A terminate came, or the call is over here. Whether nobody had seen the call before. Never rejects. */
  async over(id: string): Promise<boolean> {
    let first = false;
    try {
      await changeEntry(this.#calls, id, (now) => {
        first = now === undefined;
        return { value: { ...now, over: true }, ttlMs: OVER_MS };
      });
      return first;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** The process that took this call on; undefined where none did, as far as is known. Never rejects. */
  async ownerOf(id: string): Promise<string | undefined> {
    try {
      return (await this.#calls.get(id))?.owner;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Whether another process was told that this call is over; false where that cannot be known. Never rejects. */
  async isOver(id: string): Promise<boolean> {
    try {
      return (await this.#calls.get(id))?.over === true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #failed(error: unknown): void {
    this.#o.log.warn({ code: errorCode(error) }, 'what is remembered of WhatsApp calls cannot be reached');
  }
}
