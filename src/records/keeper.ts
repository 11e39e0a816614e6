import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { RecordStore } from './store.ts';

export interface KeeperOptions {
  readonly store: RecordStore;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Age at which records are removed, ms; undefined: never. */
  readonly retentionMs: number | undefined;
  readonly beatMs?: number;
  readonly leaseMs?: number;
  readonly sweepMs?: number;
}

const BEAT_MS = 10_000;
/** A process that was not heard of for so long is taken for dead. Its calls are opened again by the first event that proves otherwise. */
const LEASE_MS = 60_000;
const SWEEP_MS = 3_600_000;
/** Records in one transaction: others must not wait long for it. */
const SWEEP_RECORDS = 100;

/**
 * Looks after a store that several processes may share: says again and again that this one lives, closes the calls of those that fell
 * silent, and removes what is too old.
 */
export class RecordKeeper {
  readonly #options: KeeperOptions;
  readonly #timers = new Map<'beat' | 'sweep', Timer>();
  /** Since when the store took every beat; undefined while it does not. */
  #beatingSince: number | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { retentionMs, sweepMs = SWEEP_MS } = this.#options;
    void this.#beat();
    // Not at once: a start has enough to do.
    if (retentionMs !== undefined) this.#after('sweep', Math.min(60_000, sweepMs), () => this.#sweep(retentionMs));
  }

  /** Stops. Calls that are still open are then taken for lost when the lease has run out. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  async #beat(): Promise<void> {
    const { store, instance, clock, log, beatMs = BEAT_MS, leaseMs = LEASE_MS } = this.#options;
    try {
      await store.heartbeat(instance);
      const now = clock.now();
      this.#beatingSince ??= now;
      // After a break of the store itself everybody's last beat is old: the others get the time of a lease to be heard again.
      if (now - this.#beatingSince >= leaseMs) {
        const closed = await store.closeInterrupted({ silentMs: leaseMs });
        if (closed > 0) log.warn({ calls: closed }, 'calls of processes that fell silent were closed as lost');
      }
    } catch (err) {
      this.#beatingSince = undefined;
      log.debug({ err }, 'the store of records does not take the sign of life');
    }
    this.#after('beat', beatMs, () => this.#beat());
  }

  async #sweep(retentionMs: number): Promise<void> {
    const { store, clock, log, sweepMs = SWEEP_MS } = this.#options;
    try {
      const before = clock.wall() - retentionMs;
      let removed = 0;
      for (let n = SWEEP_RECORDS; n === SWEEP_RECORDS && !this.#closed; removed += n) {
        n = await store.removeOlder(before, SWEEP_RECORDS);
      }
      if (removed > 0) log.info({ records: removed }, 'records of calls were removed because of their age');
    } catch (err) {
      log.warn({ err }, 'old records could not be removed');
    }
    this.#after('sweep', sweepMs, () => this.#sweep(retentionMs));
  }

  #after(what: 'beat' | 'sweep', ms: number, work: () => Promise<void>): void {
    if (!this.#closed)
      this.#timers.set(
        what,
        this.#options.clock.after(ms, () => void work()),
      );
  }
}
