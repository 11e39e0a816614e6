/** One space, window or name of leases that is kept in a shared memory and, for when that is away, in the process's own. */
export interface Kept {
  /** Something was done here alone that the shared one has to be told. */
  readonly owes: boolean;
  /** The shared one is away: what it may lose meanwhile is owed. */
  away(): void;
  /** Tells it. Rejects where that fails: the rest is still owed. */
  pay(): Promise<void>;
}

/** Has the shared memory do it and then `mirrored` hear of that; where it is away, or fails, `alone` does it. */
export type Either = <T>(
  shared: () => Promise<T>,
  alone: () => Promise<T>,
  mirrored: (done: T) => unknown,
) => Promise<T>;
