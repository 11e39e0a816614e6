import type { CallRecord } from './call-record.ts';
import type { RecordedEvent } from './event.ts';
import type { OverviewQuery, OverviewRows } from './figures.ts';

/** Which calls are asked for. What is left out does not matter. */
export interface RecordQuery {
  /** Each of its words begins a word that somebody said in the call. */
  readonly text?: string | undefined;
  /** A number in E.164 form, of either side; without the plus sign its last digits. */
  readonly number?: string | undefined;
  /** What is known of the person on the line. */
  readonly callerKind?: 'number' | 'identity' | 'withheld' | undefined;
  /** Names of the prompt and the route that answered, and where the call came from. */
  readonly prompt?: string | undefined;
  readonly route?: string | undefined;
  readonly carrier?: string | undefined;
  /** Name of a tool that was run in the call. */
  readonly tool?: string | undefined;
  /** An answer of it took so long at least, ms. */
  readonly slowMs?: number | undefined;
  /** The caller spoke over the agent. */
  readonly interrupted?: true | undefined;
  /** It ended otherwise than it should. */
  readonly failed?: true | undefined;
  /** An overview counts it among the calls: see `countedSql`. */
  readonly counted?: true | undefined;
  /** It cost so much at least. */
  readonly costFrom?: number | undefined;
  readonly result?: string | undefined;
  readonly reason?: string | undefined;
  readonly conversationId?: string | undefined;
  readonly tenantId?: string | undefined;
  /** Whether the call goes on. */
  readonly active?: boolean | undefined;
  /** Begun at or after this moment, ms since 1970. */
  readonly since?: number | undefined;
  /** Begun before this moment. */
  readonly until?: number | undefined;
  /** Older than this one: the last of the page before. */
  readonly before?: RecordCursor | undefined;
  readonly limit: number;
}

export interface RecordCursor {
  readonly startedAt: number;
  readonly id: string;
}

/** Which events are asked for, of all calls where neither a call nor a conversation is named. */
export interface EventRange {
  readonly callId?: string | undefined;
  readonly conversationId?: string | undefined;
  /** Events after this id … */
  readonly after: string;
  /** … up to and with this one. */
  readonly until: string;
  readonly limit: number;
}

/** A caller who was not taken; or, of many at once, how many. */
export interface RefusedCaller {
  /** Sorts by time, as ids of events do. */
  readonly id: string;
  /** Ms since 1970. */
  readonly at: number;
  readonly instance: string;
  readonly reason: string;
  readonly carrier: string | null;
  /** Null where it stands for many, or he is not known. */
  readonly from: string | null;
  readonly to: string | null;
  readonly calls: number;
}

/** Which refused callers are asked for, the newest first. */
export interface RefusedQuery {
  readonly since: number;
  readonly until: number;
  readonly reason?: string | undefined;
  readonly carrier?: string | undefined;
  /** Older than the one with this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** A call that was removed. */
export interface Removed {
  readonly callId: string;
  /** When, ms since 1970 by the database's clock. */
  readonly at: number;
}

/** Which calls to close because their process is gone. */
export interface Interrupted {
  /** Calls of these processes, of which the caller knows that they are dead. */
  readonly instances?: readonly string[];
  /** Calls of processes that were not heard of for so long, ms, by the database's clock. */
  readonly silentMs?: number;
  /** These live: they were heard by another way. */
  readonly except?: readonly string[];
}

/**
 * Keeps calls and their events. Adapters must behave alike: one contract suite runs over all. Methods reject with STORE_SCHEMA_NEWER,
 * STORE_REFUSED (the same would be refused again), or anything else (it may work later).
 */
export interface RecordStore {
  readonly kind: 'sqlite' | 'postgres';
  /** Connects and brings the schema up to date. Every other method does so too when it was not done. */
  open(): Promise<void>;
  /** Stores events of calls of `instance`, all or none; what is there already, by its id, is left as it is and not counted again. */
  append(instance: string, events: readonly RecordedEvent[]): Promise<void>;
  /** The newest first. */
  list(query: RecordQuery): Promise<CallRecord[]>;
  get(callId: string): Promise<CallRecord | undefined>;
  /** Events of a call in order, after the one with this id. */
  events(callId: string, after: string | undefined, limit: number): Promise<RecordedEvent[]>;
  /** Events of a range in the order of their ids, whatever their calls, the oldest first; fewer than its limit: there are no more. */
  between(range: EventRange): Promise<RecordedEvent[]>;
  /** What was said, typed and written of these calls, in order; at most `limit` events. */
  spoken(callIds: readonly string[], limit: number): Promise<RecordedEvent[]>;
  /** What the calls of a time come to. */
  overview(query: OverviewQuery): Promise<OverviewRows>;
  /** Keeps callers who were refused; those that are there already, by their id, are left as they are. */
  addRefused(callers: readonly RefusedCaller[]): Promise<void>;
  /** The newest first. */
  refusedCallers(query: RefusedQuery): Promise<RefusedCaller[]>;
  /** Says that this process lives. Resolves to whether anything is to be looked after soon: others that said so, too, or what was removed and is not gone yet. */
  heartbeat(instance: string): Promise<boolean>;
  /** Processes that were not heard of for so long, ms, by the database's clock. */
  silent(silentMs: number): Promise<readonly string[]>;
  /** Closes open calls of processes that are gone, as `process-lost`, and forgets those processes; resolves to the calls, each of them once. */
  closeInterrupted(which: Interrupted): Promise<readonly CallRecord[]>;
  /** Removes calls that ended and that began before `before`, at most `limit`; resolves to how many. Callers who were refused before it go, too. */
  removeOlder(before: number, limit: number): Promise<number>;
  /** Removes a call that ended, with all that is stored of it. False: there is none. Events of it that come later are not stored any more. */
  remove(callId: string): Promise<boolean>;
  /** Calls that were removed, by whichever process, behind this one in the order of `at` and `callId`; at most `limit`. */
  removed(after: Removed, limit: number): Promise<Removed[]>;
  /** Forgets removals before this moment of the database's clock: so long they are told, and keep late events out. */
  forgetRemoved(before: number): Promise<void>;
  close(): Promise<void>;
}
