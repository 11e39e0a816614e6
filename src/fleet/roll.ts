import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { MemoryLeases } from '../memory/memory.ts';
import type { Instance } from './fleet.ts';

/**
 * Which instances there are: each has a lease in the shared memory, which it renews every 10 s and which ends 30 s after it was renewed last. The
 * lease is of the instance and not of each call: what an instance has ends with it, and a call that goes on costs the memory nothing.
 */

export const LEASE_MS = 30_000;
export const RENEW_MS = 10_000;
/** The one group that there is. */
const ALL = 'all';
/** The list is read again for whoever asks for all of it, or for one that is not in it, no more often than this, ms: who has just come is seen. */
const LOOK_MS = 1_000;

export interface RollOptions {
  readonly leases: MemoryLeases<Instance>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn' | 'info'>;
  /** The memory is away now. */
  readonly isAway: boolean;
  /** What this instance tells of itself now. */
  readonly me: () => Instance;
  /** The lease was renewed. `after`: the memory had failed before, and may have forgotten. */
  readonly renewed: (after: 'failure' | 'success') => void;
  /** What was read: all that have a lease, as they told last. */
  readonly read?: (members: readonly Instance[]) => void;
}

export class Roll {
  readonly #o: RollOptions;
  #known: readonly Instance[] = [];
  /** Those that lived when the memory went away: it may have forgotten them, which is no sign that they are gone. By their ids. */
  #before = new Map<string, Instance>();
  /** Until when those count that the memory does not name, monotonic ms. */
  #beforeUntil = Number.NEGATIVE_INFINITY;
  /** When they were read, monotonic ms. */
  #readAt = Number.NEGATIVE_INFINITY;
  /** When one was looked for that was not among them. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #timer: Timer | undefined;
  #failed = false;
  #isAway: boolean;
  #closed = false;

  constructor(options: RollOptions) {
    this.#o = options;
    this.#isAway = options.isAway;
  }

  /** Tells of this instance, from now on. Never rejects. */
  async begin(): Promise<void> {
    await this.renew();
  }

  /** Whoever has a lease of this instance's id before it has told of itself. Never rejects. */
  async before(): Promise<Instance | undefined> {
    await this.#read();
    return this.#known.find(({ id }) => id === this.#o.me().id);
  }

  /** The memory is away: who lives is not known until all have told it again, and who lived before does so until that is disproved. */
  away(): void {
    if (this.#isAway) return;
    this.#isAway = true;
    for (const one of this.#known) this.#before.set(one.id, one);
  }

  /** It is back, and knows what it is told from now on. Never rejects. */
  async back(): Promise<void> {
    if (this.#isAway) {
      this.#isAway = false;
      this.#beforeUntil = this.#o.clock.now() + LEASE_MS;
    }
    await this.renew();
  }

  /** Tells of this instance at once, and has the others read. Never rejects. */
  async renew(): Promise<void> {
    await this.#tell();
    await this.#read();
  }

  /** What is read before it is told shows whether somebody else tells of this id. */
  async #again(): Promise<void> {
    await this.#read();
    await this.#tell();
  }

  async #tell(): Promise<void> {
    if (this.#closed) return;
    const { leases, log, me, renewed, clock } = this.#o;
    this.#timer?.cancel();
    this.#timer = clock.after(RENEW_MS, () => void this.#again());
    const mine = me();
    try {
      await leases.renew(ALL, mine.id, mine, LEASE_MS);
      if (this.#failed) log.info({}, 'the fleet is told of this instance again');
      renewed(this.#failed ? 'failure' : 'success');
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        log.warn({ detail: errorMessage(error) }, 'the fleet cannot be told of this instance; it is tried again');
      this.#failed = true;
    }
  }

  /** All that live, this one first, as they told last. Never rejects. */
  async all(): Promise<readonly Instance[]> {
    if (this.#o.clock.now() - this.#readAt >= LOOK_MS) await this.#read();
    const mine = this.#o.me();
    return [mine, ...this.#others(mine.id)];
  }

  /** One that lives; it may have come a moment ago. Never rejects. */
  async find(id: string): Promise<Instance | undefined> {
    const known = this.#find(id);
    const now = this.#o.clock.now();
    if (known !== undefined || now - this.#lookedAt < LOOK_MS) return known;
    this.#lookedAt = now;
    await this.#read();
    return this.#find(id);
  }

  /** Leaves. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#o.leases.free(ALL, this.#o.me().id).catch(() => {});
  }

  #find(id: string): Instance | undefined {
    const mine = this.#o.me();
    return id === mine.id ? mine : this.#others(mine.id).find((one) => one.id === id);
  }

  #others(self: string): readonly Instance[] {
    if (!this.#isAway && this.#o.clock.now() >= this.#beforeUntil) this.#before.clear();
    const all = new Map([...this.#before, ...this.#known.map((one) => [one.id, one] as const)]);
    all.delete(self);
    return [...all.values()];
  }

  /** Where they cannot be read those that were known stay: who is gone is found out by asking. */
  async #read(): Promise<void> {
    // What is said in its place is what this process knows of itself.
    if (this.#isAway) return;
    await this.#readNow();
  }

  #readNow(): Promise<void> {
    this.#reading ??= this.#o.leases
      .members(ALL)
      .then(
        (members) => {
          if (this.#isAway) return;
          this.#known = members.map(({ value }) => value);
          this.#readAt = this.#o.clock.now();
          this.#o.read?.(this.#known);
        },
        () => {},
      )
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
}
