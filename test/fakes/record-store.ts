import { BridgeError } from '../../src/errors.ts';
import type { CallRecord } from '../../src/records/call-record.ts';
import type { RecordedEvent } from '../../src/records/event.ts';
import type { OverviewRows } from '../../src/records/figures.ts';
import type { EventRange, Interrupted, RecordStore, RefusedCaller, Removed } from '../../src/records/store.ts';

/** A store of records in memory, which fails when it is told to. */
export class FakeRecordStore implements RecordStore {
  readonly kind = 'sqlite';
  /** What was stored, in order, each once. */
  readonly stored: RecordedEvent[] = [];
  readonly batches: number[] = [];
  readonly closed: Interrupted[] = [];
  readonly beats: string[] = [];
  readonly removals: number[] = [];
  /** Thrown by everything while it is set. */
  failure: Error | undefined;
  /** Events with these ids are refused, with the batch they are in. */
  readonly refused = new Set<string>();
  /** How many records are too old. */
  old = 0;
  /** Calls that were removed, in order, and up to when removals were forgotten. */
  readonly gone: Removed[] = [];
  readonly forgotten: number[] = [];
  /** What `append` waits for. */
  gate: Promise<void> | undefined;

  async open(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
  }

  async append(_instance: string, events: readonly RecordedEvent[]): Promise<void> {
    await this.gate;
    await this.open();
    if (events.some(({ id }) => this.refused.has(id))) throw new BridgeError('STORE_REFUSED', 'no');
    this.batches.push(events.length);
    const known = new Set(this.stored.map(({ id }) => id));
    this.stored.push(...events.filter(({ id }) => !known.has(id)));
  }

  async list(): Promise<CallRecord[]> {
    return [];
  }

  async get(): Promise<CallRecord | undefined> {
    return undefined;
  }

  async events(): Promise<RecordedEvent[]> {
    return this.stored;
  }

  async between({ after, until, limit }: EventRange): Promise<RecordedEvent[]> {
    return this.stored.filter(({ id }) => id > after && id <= until).slice(0, limit);
  }

  async spoken(): Promise<RecordedEvent[]> {
    return this.stored;
  }

  async overview(): Promise<OverviewRows> {
    return { slots: [], groups: [], refused: [] };
  }

  /** Callers who were refused, each once. */
  readonly callers: RefusedCaller[] = [];

  async addRefused(callers: readonly RefusedCaller[]): Promise<void> {
    await this.open();
    const known = new Set(this.callers.map(({ id }) => id));
    this.callers.push(...callers.filter(({ id }) => !known.has(id)));
  }

  async refusedCallers(): Promise<RefusedCaller[]> {
    return this.callers;
  }

  /** Whether a sign of life is answered with others that are there. */
  others = true;

  async heartbeat(instance: string): Promise<boolean> {
    await this.open();
    this.beats.push(instance);
    return this.others;
  }

  /** Processes that the store has not heard of for long, with their open calls. */
  readonly silentOnes = new Map<string, CallRecord[]>();

  async silent(): Promise<string[]> {
    await this.open();
    return [...this.silentOnes.keys()];
  }

  async closeInterrupted(which: Interrupted): Promise<readonly CallRecord[]> {
    await this.open();
    this.closed.push(which);
    const gone = [...this.silentOnes].filter(([id]) => which.except?.includes(id) !== true);
    for (const [id] of gone) this.silentOnes.delete(id);
    return gone.flatMap(([, calls]) => calls);
  }

  async removeOlder(before: number, limit: number): Promise<number> {
    await this.open();
    this.removals.push(before);
    const removed = Math.min(this.old, limit);
    this.old -= removed;
    return removed;
  }

  async remove(): Promise<boolean> {
    return false;
  }

  async removed(after: Removed, limit: number): Promise<Removed[]> {
    await this.open();
    return this.gone
      .filter(({ at, callId }) => at > after.at || (at === after.at && callId > after.callId))
      .slice(0, limit);
  }

  async forgetRemoved(before: number): Promise<void> {
    await this.open();
    this.forgotten.push(before);
  }

  async close(): Promise<void> {}
}
