import type { Clock } from '../call/clock.ts';
import type { Either, Kept } from './fallback-part.ts';
import type { MemoryWindow, Taken } from './memory.ts';

export interface Windows {
  readonly shared: MemoryWindow;
  readonly own: MemoryWindow;
  readonly clock: Pick<Clock, 'now'>;
}

/** A use that was granted here: as the process's own window names it, and as the shared one does, where it knows of it. */
interface Use {
  readonly own: string;
  shared: string | undefined;
  /** It came to nothing, which the shared one has to be told. */
  back: boolean;
  /** The shared one was away since it was told of it, and may have forgotten it. */
  unsure: boolean;
  /** Until when it counts, monotonic ms. */
  readonly until: number;
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;
/** Granted by the shared one, and not known to the process's own, which could not be asked. */
const UNKNOWN_HERE: Taken = { ok: true, use: '' };

/**
 * Uses in both. While the shared window is away those of this process count, those before that too; each instance then has the limit for itself. What was
 * used meanwhile counts for all from the moment on that the other is back: for longer than it would have, never for less.
 */
export class FallbackWindow implements MemoryWindow, Kept {
  readonly #either: Either;
  readonly #w: Windows;
  readonly #ms: number;
  /** By the name that whoever took it has; the oldest first. */
  readonly #uses = new Map<string, Use>();
  #taken = 0;

  constructor(either: Either, windows: Windows, ms: number) {
    this.#either = either;
    this.#w = windows;
    this.#ms = ms;
  }

  get owes(): boolean {
    this.#forget();
    return [...this.#uses.values()].some(({ shared, back, unsure }) => back || unsure || shared === undefined);
  }

  away(): void {
    for (const use of this.#uses.values()) use.unsure = true;
  }

  async pay(): Promise<void> {
    for (const [name, use] of [...this.#uses]) {
      if (use.shared === undefined && !use.back) {
        const taken = await this.#w.shared.take(UNLIMITED);
        if (taken.ok) use.shared = taken.use;
        // Given back meanwhile, when nobody knew of it but us.
        if (taken.ok && !this.#uses.has(name)) await this.#w.shared.giveBack(taken.use);
      }
      // Put again for what is left of its time: a server that was started anew may hold nothing, and the hour is not to begin anew with it.
      const leftMs = use.until - this.#w.clock.now();
      if (use.unsure && !use.back && use.shared !== undefined && leftMs > 0 && this.#uses.has(name))
        await this.#w.shared.putAgain(use.shared, leftMs);
      use.unsure = false;
      if (!use.back) continue;
      if (use.shared !== undefined) await this.#w.shared.giveBack(use.shared);
      this.#uses.delete(name);
    }
  }

  async take(most: number): Promise<Taken> {
    this.#forget();
    const { shared, own } = this.#w;
    const kept = async (taken: Taken, other: Promise<Taken> | undefined): Promise<Taken> => {
      const here = other === undefined ? taken : await other.catch(() => UNKNOWN_HERE);
      if (!taken.ok || !here.ok) return taken;
      this.#taken++;
      const name = String(this.#taken);
      const until = this.#w.clock.now() + this.#ms;
      this.#uses.set(name, {
        own: here.use,
        shared: other === undefined ? undefined : taken.use,
        back: false,
        unsure: false,
        until,
      });
      return { ok: true, use: name };
    };
    return this.#either(
      async () => {
        const taken = await shared.take(most);
        return kept(taken, taken.ok ? own.take(UNLIMITED) : undefined);
      },
      async () => kept(await own.take(most), undefined),
      () => {},
    );
  }

  async giveBack(name: string): Promise<void> {
    const use = this.#uses.get(name);
    if (use === undefined || use.back) return;
    await this.#w.own.giveBack(use.own).catch(() => {});
    const over = () => this.#uses.delete(name);
    const { shared } = use;
    if (shared === undefined) {
      over();
      return;
    }
    const owed = async () => {
      use.back = true;
    };
    await this.#either(() => this.#w.shared.giveBack(shared), owed, over);
  }

  async putAgain(name: string, ms: number): Promise<void> {
    if (this.#uses.has(name)) return;
    await this.#w.own.putAgain(name, ms);
    const until = this.#w.clock.now() + ms;
    const use: Use = { own: name, shared: name, back: false, unsure: true, until };
    this.#uses.set(name, use);
    const told = () => {
      use.unsure = false;
    };
    await this.#either(
      () => this.#w.shared.putAgain(name, ms),
      async () => {},
      told,
    );
  }

  /** What counts no more. */
  #forget(): void {
    const now = this.#w.clock.now();
    for (const [name, { until }] of this.#uses) {
      if (until > now) break;
      this.#uses.delete(name);
    }
  }
}
