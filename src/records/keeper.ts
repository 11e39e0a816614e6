import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { CallRecord } from './call-record.ts';
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
  /** Whether a process that the store has not heard of lives all the same: asked of each before its calls are closed. Left out: nobody can tell. Must not reject. */
  readonly lives?: ((instance: string) => Promise<boolean>) | undefined;
  /** Calls of a dead process were closed here, and nowhere else. */
  readonly lost?: ((calls: readonly CallRecord[]) => void) | undefined;
  /**
   * Whether nothing of this process's own goes on, so that while the store knows of no other it may be left alone for minutes. Left out: something may
   * always. Who has it tells by `stir` that something begins.
   */
  readonly quiet?: (() => boolean) | undefined;
  readonly beatMs?: number;
  readonly leaseMs?: number;
  readonly sweepMs?: number;
}

const BEAT_MS = 10_000;
/** A process that was not heard of for so long is taken for dead. Its calls are opened again by the first event that proves otherwise. */
const LEASE_MS = 60_000;
/** The same where silent ones can be asked: calls of a dead one are closed within 30 s. */
export const ASKED_BEAT_MS = 5_000;
export const ASKED_LEASE_MS = 20_000;
/** Between two signs of life while nothing goes on and nobody else is there, ms: another that comes meanwhile is seen so much later. */
const RESTING_MS = 300_000;
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
  /** The next sign of life is one of those that are minutes apart. */
  #resting = false;
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

  /** Something of this process's begins: it says at once that it lives, so that nobody who came meanwhile takes it for dead. */
  stir(): void {
    if (!this.#resting || this.#closed) return;
    this.#resting = false;
    this.#timers.get('beat')?.cancel();
    void this.#beat();
  }

  /** Stops. Calls that are still open are then taken for lost when the lease has run out. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  async #beat(): Promise<void> {
    const { store, instance, clock, log, quiet, beatMs = BEAT_MS, leaseMs = LEASE_MS } = this.#options;
    let busy = true;
    try {
      busy = await store.heartbeat(instance);
      const now = clock.now();
      this.#beatingSince ??= now;
      // After a break of the store itself everybody's last beat is old: the others get the time of a lease to be heard again.
      if (now - this.#beatingSince >= leaseMs) await this.#closeSilent(leaseMs);
      await this.#forgetRemoved();
    } catch (err) {
      this.#beatingSince = undefined;
      log.debug({ err }, 'the store of records does not take the sign of life');
    }
    this.#resting = !busy && quiet?.() === true;
    this.#after('beat', this.#resting ? RESTING_MS : beatMs, () => this.#beat());
  }

  async #closeSilent(leaseMs: number): Promise<void> {
    const { store, instance, log, lives, lost } = this.#options;
    const silent = (await store.silent(leaseMs)).filter((id) => id !== instance);
    if (silent.length === 0) return;
    const except = [instance];
    for (const id of silent) if (await lives?.(id)) except.push(id);
    if (except.length > silent.length) return;
    const calls = await store.closeInterrupted({ silentMs: leaseMs, except });
    if (calls.length === 0) return;
    log.warn({ calls: calls.length }, 'calls of processes that fell silent were closed as lost');
    lost?.(calls);
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
