import type { TransferFailure } from './transfer.ts';

/** The transfers of one call: to whom, whether the caller is on his way back, and who waits to hear of it. What follows the call decides. */
export class Transfers {
  #number = 0;
  #to: string | undefined;
  /** Where the carrier was told to connect the caller, by other instructions: his stream is about to end for it. */
  #expected: string | undefined;
  /** What a tool that asked for the transfer waits for. */
  #asked: ((how: TransferFailure) => void) | undefined;
  /** Why he is back, until the agent is told. */
  #failure: TransferFailure | undefined;

  /** How many there were: the number of the last one, which tells its news from a repetition of an earlier one's. */
  get number(): number {
    return this.#number;
  }

  /** To whom the caller is to be connected, now that he is away or the call has ended, E.164. */
  get to(): string | undefined {
    return this.#to;
  }

  /** To whom the carrier is about to connect him, E.164. */
  get expected(): string | undefined {
    return this.#expected;
  }

  /** Whether it was told that the last one failed, and the agent does not know yet. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** The carrier is about to connect him to `to`. The number that this transfer will have. */
  expect(to: string): number {
    this.#expected = to;
    return this.#number + 1;
  }

  unexpect(): void {
    this.#expected = undefined;
  }

  /** The call ends by this transfer, or by none. */
  endWith(to: string | undefined): void {
    this.#to = to;
  }

  /** One begins. Resolves with the reason when he is back and the agent can be told, if that is `awaited`. */
  begin(to: string, awaited: boolean): Promise<TransferFailure> {
    const { promise, resolve } = Promise.withResolvers<TransferFailure>();
    this.#number++;
    this.#to = to;
    this.#expected = undefined;
    this.#failure = undefined;
    this.#asked = awaited ? resolve : undefined;
    return promise;
  }

  /** It failed: nobody is to be connected any more. What is told again changes nothing. */
  fail(how: TransferFailure): void {
    this.#to = undefined;
    this.#failure ??= how;
  }

  /** He is back on the line: why, once, and whether a tool that waited for it has been told. Undefined where he was not away. */
  back(): { readonly how: TransferFailure; readonly told: boolean } | undefined {
    const [how, asked] = [this.#failure, this.#asked];
    if (how === undefined) return undefined;
    this.#failure = undefined;
    this.#asked = undefined;
    asked?.(how);
    return { how, told: asked !== undefined };
  }
}
