import { limitKey } from './client-address.ts';

/**
 * How many connections may wait for their proof, by address and in all. A connection costs little; thousands that never say a word would
 * still crowd out the callers.
 */

export interface PendingLimits {
  readonly perAddress: number;
  readonly total: number;
}

/** Which part of all places one address may hold: carriers stream from many addresses, and one that takes all shuts the others out. */
const SHARE = 1 / 4;

/** The limits where `total` may wait in all. */
export function pendingLimits(total: number): PendingLimits {
  return { total, perAddress: Math.max(1, Math.floor(total * SHARE)) };
}

export type PendingRefusal = 'address' | 'total';

export class PendingConnections {
  readonly #limits: PendingLimits;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Takes a place; gives back the function that frees it (any number of times counts once), or which limit is reached. */
  admit(remoteAddress: string): (() => void) | PendingRefusal {
    if (this.#total >= this.#limits.total) return 'total';
    const address = limitKey(remoteAddress);
    const here = this.#byAddress.get(address) ?? 0;
    if (here >= this.#limits.perAddress) return 'address';
    this.#byAddress.set(address, here + 1);
    this.#total++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total--;
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    };
  }
}
