import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { RecordStore, Removed } from './store.ts';

export interface KeeperOptions {
  readonly store: RecordStore;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Age at which records are removed, ms; undefined: never. */
  readonly retentionMs: number | undefined;
  /** Removes what this process still holds of calls that were removed, by whichever process. May be told of a call again. */
  readonly forget: (callIds: readonly string[]) => Promise<void>;
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
/** How long removals are remembered, ms: a process that was away for longer would not know of them. */
const REMOVED_MS = 30 * 86_400_000;
/** A removal may become visible so much later than it says, ms: its transaction takes as long. */
const REMOVED_LATE_MS = 60_000;
const REMOVED_PAGE = 1_000;

/**
 * Looks after a store that several processes may share: says again and again that this one lives, closes the calls of those that fell
 * silent, removes what is too old, and has this process forget what any of them removed.
 */
export class RecordKeeper {
  readonly #options: KeeperOptions;
  readonly #timers = new Map<'beat' | 'sweep', Timer>();
  /** Since when the store took every beat; undefined while it does not. */
  #beatingSince: number | undefined;
  /** When the last removal was that this process followed, by the database's clock, and all it followed shortly before it. */
  #removedAt = 0;
  #followed = new Map<string, number>();
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { retentionMs, sweepMs = SWEEP_MS } = this.#options;
    void this.#beat();
    // Not at once: a start has enough to do.
    this.#after('sweep', Math.min(60_000, sweepMs), () => this.#sweep(retentionMs));
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
      await this.#forgetRemoved();
    } catch (err) {
      this.#beatingSince = undefined;
      log.debug({ err }, 'the store of records does not take the sign of life');
    }
    this.#after('beat', beatMs, () => this.#beat());
  }

  /** From the first look on, which is at the start: what was removed while this process was away is on its disk still. */
  async #forgetRemoved(): Promise<void> {
    const { store, forget, log } = this.#options;
    let after: Removed = { callId: '', at: this.#removedAt - REMOVED_LATE_MS };
    for (let more = true; more && !this.#closed; ) {
      const page = await store.removed(after, REMOVED_PAGE);
      more = page.length === REMOVED_PAGE;
      after = page.at(-1) ?? after;
      const fresh = page.filter(({ callId }) => !this.#followed.has(callId));
      if (fresh.length === 0) continue;
      try {
        await forget(fresh.map(({ callId }) => callId));
      } catch (err) {
        // Tried again with the next beat.
        log.error({ err }, 'what is held of removed calls could not be removed');
        return;
      }
      for (const { callId, at } of fresh) this.#followed.set(callId, at);
      this.#removedAt = Math.max(this.#removedAt, after.at);
    }
    for (const [callId, at] of this.#followed)
      if (at < this.#removedAt - REMOVED_LATE_MS) this.#followed.delete(callId);
  }

  async #sweep(retentionMs: number | undefined): Promise<void> {
    const { store, clock, log, sweepMs = SWEEP_MS } = this.#options;
    try {
      const now = clock.wall();
      let removed = 0;
      for (let n = SWEEP_RECORDS; retentionMs !== undefined && n === SWEEP_RECORDS && !this.#closed; removed += n) {
        n = await store.removeOlder(now - retentionMs, SWEEP_RECORDS);
      }
      if (removed > 0) {
        log.info({ records: removed }, 'records of calls were removed because of their age');
        await this.#forgetRemoved();
      }
      await store.forgetRemoved(now - REMOVED_MS);
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
