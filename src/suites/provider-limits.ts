import type { Clock, Timer } from '../call/clock.ts';

/**
 * How many calls agents of a kind may have at a time, and how many may begin in a minute, so that no provider's quota is broken: who has no place waits for one. What a
 * provider itself says, that one should come back later, holds for all calls of its kind.
 */

export interface ProviderLimit {
  /** Calls at a time. */
  readonly concurrency?: number | undefined;
  /** Calls that begin within any 60 s. */
  readonly per_minute?: number | undefined;
}
export type LimitsByKind = Readonly<Record<string, ProviderLimit>>;

/** What a limit may be at most, in the settings and in a suite. */
export const MOST_LIMIT = 99_999;

const MINUTE_MS = 60_000;

interface Kind {
  running: number;
  /** When calls began, the oldest first; none older than a minute. */
  readonly began: number[];
  /** No call begins before. */
  notBefore: number;
}

export class ProviderLimits {
  readonly #clock: Clock;
  readonly #limits: LimitsByKind;
  readonly #above: ProviderLimits | undefined;
  readonly #kinds = new Map<string, Kind>();
  readonly #waiting = new Set<() => void>();

  /** `limits`: by kind of agent. `above`: those of all runs together, which hold, too. */
  constructor(clock: Clock, limits: LimitsByKind, above?: ProviderLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#above = above;
  }

  /** Takes a place for a call that begins now; false where there is none. */
  take(kind: string): boolean {
    if (this.waitMs(kind) !== 0) return false;
    this.#begin(kind);
    return true;
  }

  /** The call is over, or never began. */
  free(kind: string): void {
    const one = this.#of(kind);
    one.running = Math.max(0, one.running - 1);
    this.#above?.free(kind);
    this.#tell();
  }

  /** The provider asked to come back later: no call of the kind begins for so long. */
  rest(kind: string, ms: number): void {
    // It holds for all runs: they have one account.
    if (this.#above !== undefined) this.#above.rest(kind, ms);
    else this.#of(kind).notBefore = Math.max(this.#of(kind).notBefore, this.#clock.now() + ms);
  }

  /** Until when the provider asked to be left alone, by the clock, and how long that still is, ms; 0: it did not, or that is over. */
  restOf(kind: string): { readonly untilMs: number; readonly leftMs: number } {
    if (this.#above !== undefined) return this.#above.restOf(kind);
    const { notBefore } = this.#of(kind);
    return { untilMs: notBefore, leftMs: Math.max(0, notBefore - this.#clock.now()) };
  }

  /** How long there is no place for one more: 0, there is one now; undefined: as long as all calls go on. */
  waitMs(kind: string): number | undefined {
    const now = this.#clock.now();
    const { running, began, notBefore } = this.#of(kind);
    const { concurrency = Number.POSITIVE_INFINITY, per_minute: most = Number.POSITIVE_INFINITY } =
      this.#limits[kind] ?? {};
    const above = this.#above?.waitMs(kind) ?? (this.#above === undefined ? 0 : undefined);
    if (running >= concurrency || above === undefined) return undefined;
    while (began[0] !== undefined && began[0] + MINUTE_MS <= now) began.shift();
    const first = began.length < most ? now : began[began.length - most]! + MINUTE_MS;
    return Math.max(0, above, first - now, notBefore - now);
  }

  /** Resolves when there may be a place for one of these kinds, or `signal` aborts; never rejects. */
  async wait(kinds: Iterable<string>, signal: AbortSignal): Promise<void> {
    const soonest = Math.min(...[...kinds].map((kind) => this.waitMs(kind) ?? Number.POSITIVE_INFINITY));
    if (soonest === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      let timer: Timer | undefined;
      const done = () => {
        timer?.cancel();
        signal.removeEventListener('abort', done);
        this.#unwatch(done);
        resolve();
      };
      if (Number.isFinite(soonest)) timer = this.#clock.after(soonest, done);
      signal.addEventListener('abort', done, { once: true });
      this.#watch(done);
    });
  }

  #begin(kind: string): void {
    const one = this.#of(kind);
    one.running++;
    one.began.push(this.#clock.now());
    if (this.#above !== undefined) this.#above.#begin(kind);
  }

  #of(kind: string): Kind {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    const made = { running: 0, began: [], notBefore: Number.NEGATIVE_INFINITY };
    this.#kinds.set(kind, made);
    return made;
  }

  #watch(done: () => void): void {
    this.#waiting.add(done);
    if (this.#above !== undefined) this.#above.#watch(done);
  }

  #unwatch(done: () => void): void {
    this.#waiting.delete(done);
    if (this.#above !== undefined) this.#above.#unwatch(done);
  }

  #tell(): void {
    for (const done of [...this.#waiting]) done();
  }
}
