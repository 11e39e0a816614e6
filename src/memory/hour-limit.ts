import type { MemoryWindow, ProcessMemory, Taken } from './memory.ts';

const HOUR_MS = 3_600_000;

/** What is counted by the hour. */
export const HOURS = ['orders-hour', 'transfers-hour'] as const;

/** One use that was granted, or when there may be one again: undefined where there never is. */
export type HourlyUse =
  | {
      readonly ok: true;
      /** It came to nothing, and does not count. Idempotent. */
      giveBack(): void;
    }
  | { readonly ok: false; readonly retryAfterMs: number | undefined };

/** When a use that could not be counted may be tried again, ms. */
const UNCOUNTED_RETRY_MS = 5_000;

/** So many uses in any 60 minutes, and no more: by all who share the memory. What cannot be counted is refused, and what cannot be given back counts on. */
export class HourLimit {
  readonly #most: number;
  readonly #window: MemoryWindow;

  /** `most` 0 forbids all. */
  constructor(most: number, memory: Pick<ProcessMemory, 'window'>, name: (typeof HOURS)[number]) {
    this.#most = most;
    this.#window = memory.window({ name, ms: HOUR_MS });
  }

  /** Never rejects. */
  async take(): Promise<HourlyUse> {
    let taken: Taken;
    try {
      taken = await this.#window.take(this.#most);
    } catch {
      return { ok: false, retryAfterMs: UNCOUNTED_RETRY_MS };
    }
    if (!taken.ok) return taken;
    const { use } = taken;
    return { ok: true, giveBack: () => void this.#window.giveBack(use).catch(() => {}) };
  }
}
