import type { Overrides } from '../../../dispatch.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';
import type { IncomingCall } from './incoming-call.ts';
import { ISSUED_MS } from './stream-token.ts';

/**
 * What an instance must know of a call to answer it whose media stream comes to it, and whose webhook came to another: who calls whom, and what was
 * chosen. It lies in the shared memory for as long as a token opens the call's stream, under our id of the call, which the token names.
 */

/** A call that was prepared. */
export interface Prepared {
  /** The instance that has it. */
  readonly by: string;
  readonly incoming: IncomingCall;
  /** The prompt that was chosen among them. */
  readonly overrides: Overrides;
}

const MOST = 20_000;

export class PreparedCalls {
  readonly #space: MemorySpace<Prepared>;
  readonly #isShared: boolean;
  /** Those of this instance, as long as they go on. */
  readonly #mine = new Map<string, Prepared>();

  /** `isShared`: whether there are other instances to read it. */
  constructor(memory: Pick<ProcessMemory, 'space'>, isShared: boolean) {
    this.#space = memory.space({ name: 'prepared-calls', most: MOST });
    this.#isShared = isShared;
  }

  /** This instance has the call, until it is forgotten. */
  keep(callId: string, prepared: Prepared): void {
    if (this.#isShared) this.#mine.set(callId, prepared);
  }

  /** A token was made for the call's stream, here or elsewhere. Never throws. */
  publish(callId: string): void {
    const prepared = this.#mine.get(callId);
    // Where it cannot be told the stream is still taken here.
    if (prepared !== undefined) void this.#space.put(callId, prepared, ISSUED_MS).catch(() => {});
  }

  /** What another instance prepared; undefined where nobody did. Rejects where the memory fails. */
  find(callId: string): Promise<Prepared | undefined> {
    return this.#isShared ? this.#space.get(callId) : Promise.resolve(undefined);
  }

  /** The call is over here. What was told of it ends by itself. */
  forget(callId: string): void {
    this.#mine.delete(callId);
  }
}
