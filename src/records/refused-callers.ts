import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorCode } from '../errors.ts';
import type { EventIds } from './event.ts';
import type { Statement, Value } from './statement.ts';
import type { RecordStore, RefusedCaller, RefusedQuery } from './store.ts';

/** Callers who were not taken: they have no call, and are counted all the same. */

/** Columns of `call_refused`, in the order of `refusedValues`. */
export const refusedColumns: readonly string[] = [
  'id',
  'at',
  'instance',
  'reason',
  'carrier',
  'from_number',
  'to_number',
  'calls',
];

export function refusedValues({ id, at, instance, reason, carrier, from, to, calls }: RefusedCaller): Value[] {
  return [id, Math.round(at), instance, reason, carrier, from, to, calls];
}

export function refusedOf(row: Readonly<Record<string, unknown>>): RefusedCaller {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    id: String(row['id']),
    at: Number(row['at']),
    instance: String(row['instance']),
    reason: String(row['reason']),
    carrier: text(row['carrier']),
    from: text(row['from_number']),
    to: text(row['to_number']),
    calls: Number(row['calls']),
  };
}

/** The statement of a list of them, the newest first. */
export function refusedStatement({ since, until, reason, carrier, before, limit }: RefusedQuery): Statement {
  const conditions = ['at >= ?', 'at < ?'];
  const values: Value[] = [Math.round(since), Math.round(until)];
  if (reason !== undefined) {
    conditions.push('reason = ?');
    values.push(reason);
  }
  if (carrier !== undefined) {
    conditions.push('carrier = ?');
    values.push(carrier);
  }
  if (before !== undefined) {
    conditions.push('id < ?');
    values.push(before);
  }
  values.push(limit);
  return { sql: `SELECT * FROM call_refused WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`, values };
}

/** What is known of somebody who is refused. */
export interface Refusing {
  readonly reason: string;
  readonly carrier?: string | undefined;
  /** For people to read, as calls have them; left out where it is withheld or not known. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface RefusedBookOptions {
  readonly store: Pick<RecordStore, 'addRefused'>;
  readonly ids: Pick<EventIds, 'next'>;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often they are written down, ms: what a death of the process can cost. */
const WRITE_MS = 2_000;
/** Each of so many in a minute has a line of his own; of those beyond only the number is kept: a storm of callers must not fill a disk. */
const LINES_A_MINUTE = 120;
const MINUTE_MS = 60_000;
/** Lines that wait at most while the store is away: beyond, those of one reason and carrier become one. */
const WAITING_MOST = 5_000;

/** Writes refused callers down, off the path of calls: every one is counted, however many come and however long the store is away. */
export class RefusedBook {
  readonly #o: RefusedBookOptions;
  #waiting: RefusedCaller[] = [];
  /** Those that have no line of their own, by reason and carrier. */
  readonly #many = new Map<string, RefusedCaller>();
  #minute = 0;
  #lines = 0;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(options: RefusedBookOptions) {
    this.#o = options;
  }

  /** Must not throw or wait. */
  add({ reason, ...known }: Refusing): void {
    const { ids, instance, clock } = this.#o;
    const { carrier = null, from = null, to = null } = known;
    const at = clock.wall();
    const minute = Math.floor(clock.now() / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#lines = 0;
    }
    const line = { id: ids.next(), at, instance, reason, carrier, from, to, calls: 1 };
    if (this.#lines < LINES_A_MINUTE && this.#waiting.length < WAITING_MOST) {
      this.#lines++;
      this.#waiting.push(line);
    } else {
      const key = `${reason} ${carrier}`;
      const before = this.#many.get(key) ?? { ...line, from: null, to: null, calls: 0 };
      this.#many.set(key, { ...before, calls: before.calls + 1 });
    }
    this.#schedule(WRITE_MS);
  }

  /** Writes what waits; once, whatever becomes of it. Never rejects. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#write();
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    this.#timer ??= this.#o.clock.after(ms, () => {
      this.#timer = undefined;
      void this.#write();
    });
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      // What came meanwhile.
      if (this.#waiting.length + this.#many.size > 0) this.#schedule(this.#failing ? 5 * WRITE_MS : WRITE_MS);
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const { store, log } = this.#o;
    const lines = [...this.#waiting, ...this.#many.values()];
    if (lines.length === 0) return;
    this.#waiting = [];
    this.#many.clear();
    try {
      await store.addRefused(lines);
      this.#failing = false;
    } catch (error) {
      // Their ids are kept: what the store took without saying so is not counted twice.
      this.#waiting = [...lines, ...this.#waiting];
      if (!this.#failing)
        log.warn(
          { code: errorCode(error), waiting: lines.length },
          'callers who were refused cannot be written down yet',
        );
      this.#failing = true;
    }
  }
}
