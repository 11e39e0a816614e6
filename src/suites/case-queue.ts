import type { PlannedCase } from './plan.ts';
import type { ProviderLimits } from './provider-limits.ts';

/** The cases of a run that are still to be called, in their order but for those whose provider has no place at the moment. */
export class CaseQueue {
  readonly #left: PlannedCase[];
  readonly #limits: ProviderLimits;
  readonly #signal: AbortSignal;
  readonly #waits: (kind: string) => void;
  /** How often somebody had to wait for a place, by kind. */
  readonly waited = new Map<string, number>();

  /** When `signal` aborts nobody waits any more. `waits`: told of each kind for whose place it is waited. */
  constructor(
    cases: readonly PlannedCase[],
    limits: ProviderLimits,
    signal: AbortSignal,
    waits: (kind: string) => void = () => {},
  ) {
    this.#left = [...cases];
    this.#limits = limits;
    this.#signal = signal;
    this.#waits = waits;
  }

  /** The next case, with a place for its call; undefined where none is left. */
  async next(): Promise<{ readonly planned: PlannedCase; readonly place: Place } | undefined> {
    let hasWaited = false;
    for (;;) {
      const index = this.#left.findIndex(({ target }) => this.#signal.aborted || this.#limits.take(target.kind));
      const [planned] = index < 0 ? [] : this.#left.splice(index, 1);
      if (planned !== undefined) {
        const place = new Place(planned.target.kind, this.#limits, this.#signal, !this.#signal.aborted);
        return { planned, place };
      }
      const [first] = this.#left;
      if (first === undefined) return undefined;
      if (!hasWaited) this.waited.set(first.target.kind, (this.waited.get(first.target.kind) ?? 0) + 1);
      hasWaited = true;
      const kinds = new Set(this.#left.map(({ target }) => target.kind));
      kinds.forEach(this.#waits);
      await this.#limits.wait(kinds, this.#signal);
    }
  }
}

/** A place for one call after the other of a case. */
export class Place {
  readonly #kind: string;
  readonly #limits: ProviderLimits;
  readonly #signal: AbortSignal;
  #isTaken: boolean;

  constructor(kind: string, limits: ProviderLimits, signal: AbortSignal, isTaken: boolean) {
    this.#kind = kind;
    this.#limits = limits;
    this.#signal = signal;
    this.#isTaken = isTaken;
  }

  /** Waits until one more call of the case may begin; none does for `restMs`, of nobody's of the kind. Resolves at once where the run was stopped. */
  async again(restMs: number): Promise<void> {
    if (restMs > 0) this.#limits.rest(this.#kind, restMs);
    this.free();
    while (!this.#signal.aborted && !this.#limits.take(this.#kind)) await this.#limits.wait([this.#kind], this.#signal);
    this.#isTaken = !this.#signal.aborted;
  }

  /** No call of the case goes on, nor will. */
  free(): void {
    if (this.#isTaken) this.#limits.free(this.#kind);
    this.#isTaken = false;
  }
}
