import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { Operator } from '../http/operators.ts';
import type { AuditEntry, PeopleStore } from './store.ts';

export interface AuditOptions {
  readonly store: Pick<PeopleStore, 'note' | 'forget'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly newId: () => string;
  /** What is older is forgotten, ms; undefined: nothing is. */
  readonly retentionMs: number | undefined;
}

/** What somebody did. */
export interface Done extends Pick<AuditEntry, 'action' | 'target' | 'status' | 'address'> {
  readonly operator: Operator;
}

/** Entries that wait while the store is away; of more the oldest go, which is said. */
const WAITING_MOST = 10_000;
const BATCH_MOST = 200;
const RETRY_MS = 5_000;
const FORGET_EVERY_MS = 3_600_000;
/** Something that is read again and again (a player asks for one recording in pieces) is noted once in this time, ms. */
const SAME_MS = 60_000;
const SAME_MOST = 1_000;

/** Who did what. Told at once and written soon after; nobody waits for it, and what the store does not take now is tried again. */
export class Audit {
  readonly #o: AuditOptions;
  readonly #read = new Map<string, number>();
  #waiting: AuditEntry[] = [];
  #writing: Promise<void> | undefined;
  #retry: Timer | undefined;
  #forgetting: Timer | undefined;

  constructor(options: AuditOptions) {
    this.#o = options;
    if (options.retentionMs !== undefined) this.#forget(options.retentionMs);
  }

  /** Never throws. */
  note({ operator, ...done }: Done): void {
    const { clock, newId, log } = this.#o;
    const { id: personId, name, role } = operator;
    this.#waiting.push({ id: newId(), at: clock.wall(), personId, name, role, ...done });
    if (this.#waiting.length > WAITING_MOST) {
      this.#waiting.shift();
      log.error({ waiting: WAITING_MOST }, 'THE AUDIT LOG LOSES ENTRIES: its store takes none');
    }
    if (this.#retry === undefined) this.#write();
  }

  /** Notes something that is only read, once a minute for the same. */
  noteRead(done: Done): void {
    const now = this.#o.clock.now();
    const key = `${done.operator.id} ${done.action} ${done.target}`;
    if (now - (this.#read.get(key) ?? Number.NEGATIVE_INFINITY) < SAME_MS) return;
    this.#read.delete(key);
    this.#read.set(key, now);
    for (const old of this.#read.keys()) {
      if (this.#read.size <= SAME_MOST) break;
      this.#read.delete(old);
    }
    this.note(done);
  }

  /** Resolves when what was noted is written, or cannot be. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Writes what is left. Never rejects. */
  async close(): Promise<void> {
    this.#forgetting?.cancel();
    await this.flush();
    this.#retry?.cancel();
    if (this.#waiting.length > 0) this.#write();
    await this.flush();
    this.#retry?.cancel();
  }

  #write(): void {
    if (this.#writing !== undefined || this.#waiting.length === 0) return;
    const { store, clock, log } = this.#o;
    const batch = this.#waiting.slice(0, BATCH_MOST);
    this.#writing = store
      .note(batch)
      .then(
        () => {
          const written = new Set(batch);
          this.#waiting = this.#waiting.filter((entry) => !written.has(entry));
        },
        (error: unknown) => {
          log.warn(
            { reason: errorMessage(error), waiting: this.#waiting.length },
            'the audit log cannot be written now',
          );
          this.#retry = clock.after(RETRY_MS, () => {
            this.#retry = undefined;
            this.#write();
          });
        },
      )
      .finally(() => {
        this.#writing = undefined;
        if (this.#retry === undefined) this.#write();
      });
  }

  #forget(retentionMs: number): void {
    const { store, clock, log } = this.#o;
    store.forget(clock.wall() - retentionMs).catch((error: unknown) => {
      log.warn({ reason: errorMessage(error) }, 'what is too old in the audit log is still there');
    });
    this.#forgetting = clock.after(FORGET_EVERY_MS, () => this.#forget(retentionMs));
  }
}
