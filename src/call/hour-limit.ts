import type { Clock } from './clock.ts';

const HOUR_MS = 3_600_000;

/** One use that was granted, or when there may be one again: undefined where there never is. */
export type HourlyUse =
  | {
      readonly ok: true;
      /** It came to nothing, and does not count. Idempotent. */
      giveBack(): void;
    }
  | { readonly ok: false; readonly retryAfterMs: number | undefined };

/** Where uses outlive the process. */
export interface HourMemory {
  /** Those of the last hour, monotonic ms, the oldest first; of an earlier process, too. */
  readonly uses: ReadonlyArray<{ readonly at: number }>;
  /** Told of all that count, whenever they change. Must not throw. */
  keep(uses: ReadonlyArray<{ readonly at: number }>): void;
}

/** So many uses in any 60 minutes, and no more. */
export class HourLimit {
  readonly #most: number;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #memory: HourMemory | undefined;
  /** The uses of the last hour, the oldest first. */
  readonly #uses: Array<{ readonly at: number }>;

  /** `most` 0 forbids all. */
  constructor(most: number, clock: Pick<Clock, 'now'>, memory?: HourMemory) {
    this.#most = most;
    this.#clock = clock;
    this.#memory = memory;
    this.#uses = [...(memory?.uses ?? [])];
  }

  take(): HourlyUse {
    const now = this.#clock.now();
    while (this.#uses[0] !== undefined && now - this.#uses[0].at >= HOUR_MS) this.#uses.shift();
    if (this.#uses.length >= this.#most) {
      const oldest = this.#uses[0];
      return { ok: false, retryAfterMs: oldest === undefined ? undefined : oldest.at + HOUR_MS - now };
    }
    const use = { at: now };
    this.#uses.push(use);
    this.#memory?.keep(this.#uses);
    return {
      ok: true,
      giveBack: () => {
        const index = this.#uses.indexOf(use);
        if (index < 0) return;
        this.#uses.splice(index, 1);
        this.#memory?.keep(this.#uses);
      },
    };
  }
}
