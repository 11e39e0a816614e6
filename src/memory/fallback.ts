import type { Clock, Timer } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { FallbackLeases } from './fallback-leases.ts';
import type { Either, Kept } from './fallback-part.ts';
import { FallbackSpace } from './fallback-space.ts';
import { FallbackWindow } from './fallback-window.ts';
import type {
  MemoryChannel,
  MemoryLeases,
  MemorySpace,
  MemoryState,
  MemoryWindow,
  NamedOptions,
  ProcessMemory,
  SpaceOptions,
  WindowOptions,
} from './memory.ts';
import { Watchers } from './watchers.ts';

export interface FallbackOptions {
  readonly shared: ProcessMemory;
  /** This process's own, which knows what it put, counted and leased while the shared one is there, and takes its place while it is not. */
  readonly own: ProcessMemory;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** How soon it is tried again to tell what is owed, ms. */
const AGAIN_MS = 500;

/**
 * A shared memory that may be away: what is asked meanwhile is done by this process alone, with what it knows. So its calls go on, it takes what it
 * has prepared itself, and limits count what is here. As soon as the other is back it is told all of that, and only then asked again.
 */
export class FallbackMemory implements ProcessMemory {
  readonly #o: FallbackOptions;
  readonly #watchers = new Watchers();
  readonly #kept = new Map<string, Kept>();
  #state: MemoryState;
  #paying = false;
  #again: Timer | undefined;
  #closed = false;
  #ownFails = false;

  constructor(options: FallbackOptions) {
    this.#o = options;
    this.#state = options.shared.state;
    options.shared.onState((state) => {
      if (state === 'away') this.#fall();
      // It says so again where news may have been missed.
      else if (this.#state === 'here') this.#watchers.tell('here');
      else void this.#pay();
    });
  }

  get state(): MemoryState {
    return this.#state;
  }

  onState(changed: (state: MemoryState) => void): () => void {
    return this.#watchers.add(changed);
  }

  space<T>(options: SpaceOptions): MemorySpace<T> {
    const { shared, own, clock } = this.#o;
    const make = () =>
      new FallbackSpace<unknown>(
        this.#either,
        { shared: shared.space(options), own: own.space(options), clock },
        options.most,
      );
    return this.#named(`space ${options.name}`, make) as MemorySpace<unknown> as MemorySpace<T>;
  }

  window(options: WindowOptions): MemoryWindow {
    const { shared, own, clock } = this.#o;
    const make = () =>
      new FallbackWindow(this.#either, { shared: shared.window(options), own: own.window(options), clock }, options.ms);
    return this.#named(`window ${options.name}`, make);
  }

  leases<T>(options: NamedOptions): MemoryLeases<T> {
    const make = () => new FallbackLeases<unknown>(this.#either, this.#o.shared.leases(options), this.#o.clock);
    return this.#named(`leases ${options.name}`, make) as MemoryLeases<unknown> as MemoryLeases<T>;
  }

  channel(options: NamedOptions): MemoryChannel {
    const [shared, own] = [this.#o.shared.channel(options), this.#o.own.channel(options)];
    return {
      publish: (text) => (this.#state === 'here' ? shared : own).publish(text),
      subscribe: (heard) => {
        const ends = [shared.subscribe(heard), own.subscribe(heard)];
        return () => {
          for (const end of ends) end();
        };
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#again?.cancel();
    await Promise.all([this.#o.shared.close(), this.#o.own.close()]);
  }

  readonly #either: Either = async (shared, alone, mirrored) => {
    if (this.#state === 'here') {
      try {
        const done = await shared();
        await this.#mirror(() => mirrored(done));
        return done;
      } catch (error) {
        if (this.#state === 'here') this.#o.log.warn({ detail: errorMessage(error) }, 'the shared memory fails');
        this.#fall();
      }
    }
    return alone();
  };

  /** What the process has by itself may be held by another one, and fail: what was done in the shared one is done all the same. */
  async #mirror(mirrored: () => unknown): Promise<void> {
    try {
      await mirrored();
      this.#ownFails = false;
    } catch (error) {
      if (!this.#ownFails)
        this.#o.log.warn({ detail: errorMessage(error) }, 'what this process remembers by itself fails');
      this.#ownFails = true;
    }
  }

  #named<T extends Kept>(name: string, make: () => T): T {
    const known = (this.#kept.get(name) as T | undefined) ?? make();
    this.#kept.set(name, known);
    return known;
  }

  #fall(): void {
    if (this.#state === 'here') {
      this.#state = 'away';
      for (const kept of this.#kept.values()) kept.away();
      this.#watchers.tell('away');
    }
    this.#payLater();
  }

  #payLater(): void {
    this.#again?.cancel();
    if (!this.#closed) this.#again = this.#o.clock.after(AGAIN_MS, () => void this.#pay());
  }

  /** Tells all that is owed, what comes to be owed meanwhile too. */
  async #pay(): Promise<void> {
    if (this.#paying || this.#closed || this.#o.shared.state === 'away') return;
    this.#paying = true;
    try {
      for (let owing = this.#owing(); owing.length > 0; owing = this.#owing()) {
        for (const kept of owing) await kept.pay();
      }
      if (this.#state === 'away') {
        this.#state = 'here';
        this.#o.log.info({}, 'the shared memory is told of what was done without it');
        this.#watchers.tell('here');
      }
    } catch {
      this.#payLater();
    } finally {
      this.#paying = false;
    }
  }

  #owing(): readonly Kept[] {
    return [...this.#kept.values()].filter(({ owes }) => owes);
  }
}
