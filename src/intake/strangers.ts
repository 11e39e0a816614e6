import type { RefusalReason } from '../admission/admission.ts';
import { PendingConnections, type PendingLimits } from '../http/pending.ts';

/** The parts of a place among strangers that one of them has. Each may be given back any number of times, and counts once. */
export interface StrangersShare {
  /** The connection is up, or will never be: another may wait for its own. */
  connected(): void;
  /** The call is over, or never came about. */
  over(): void;
}

/** What strangers of one kind (pages, guests of rooms) may have together, so that neither their number nor one address shuts the others out. */
export class Strangers {
  /** From the asking until the connection is up. */
  readonly #connecting: PendingConnections;
  /** From the asking to the end. */
  readonly #all: PendingConnections;

  /** `connecting`: how many may wait for their connection; `most`: how many calls of theirs there may be, of which one address may have half. */
  constructor({ connecting, most }: { readonly connecting: PendingLimits; readonly most: number }) {
    this.#connecting = new PendingConnections(connecting);
    // How many there may be in all, admission decides.
    this.#all = new PendingConnections({ perAddress: Math.ceil(most / 2), total: Infinity });
  }

  /** Takes a stranger's share, or says what keeps him from one; nothing is taken then. */
  take(address: string): StrangersShare | Extract<RefusalReason, 'pending' | 'address'> {
    const connected = this.#connecting.admit(address);
    if (typeof connected === 'string') return 'pending';
    const over = this.#all.admit(address);
    if (typeof over !== 'string') return { connected, over };
    connected();
    return 'address';
  }
}
