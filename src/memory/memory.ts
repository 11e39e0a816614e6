import { BridgeError } from '../errors.ts';

/**
 * What a process remembers of calls beyond the calls themselves: tokens that were used, webhooks that were answered, orders that a carrier will
 * ask for, keys of requests, uses of a limit, who does what at the moment. A port, so that several processes can share it. All of it expires; nothing of it is
 * kept for good, and nothing that holds a socket, a timer or a call belongs here.
 *
 * Every method is asynchronous, does its work in one step that nobody else's comes between, and rejects where that cannot be done in time
 * (`withDeadline`). Each user says what it does then. The forms in Redis are named so that no user asks for what a shared memory cannot do.
 */
export interface ProcessMemory {
  /** The space of this name; whoever asks for the same name shares what is in it. */
  space<T>(options: SpaceOptions): MemorySpace<T>;
  /** The window of this name, likewise. */
  window(options: WindowOptions): MemoryWindow;
  /** The leases of this name, likewise. */
  leases<T>(options: NamedOptions): MemoryLeases<T>;
  /** The channel of this name, likewise. */
  channel(options: NamedOptions): MemoryChannel;
  /** Whether it can be reached, as far as is known. What lies in this process always can. */
  readonly state: MemoryState;
  /** Has `changed` told of each change of `state`. Returns how to end that. */
  onState(changed: (state: MemoryState) => void): () => void;
  /** Resolves when all that outlives the process is written. Never rejects. */
  close(): Promise<void>;
}

/** `away`: what is asked of it fails, or is done by this process alone, until it is back. */
export type MemoryState = 'here' | 'away';

export interface NamedOptions {
  /** Lower-case letters and dashes; what comes before its keys where they lie among others. */
  readonly name: string;
}

export interface SpaceOptions extends NamedOptions {
  /** Most entries at once. A shared memory may hold more. */
  readonly most: number;
  /** What gives way when there are as many: the entry with the oldest news, or what is new (`putIfAbsent` alone may be refused so). */
  readonly full?: 'oldest' | 'new';
}

/** `there`: what the key holds already; undefined where there was no room. */
export type Put<T> = { readonly put: true } | { readonly put: false; readonly there: T | undefined };

export interface Entry<T> {
  readonly key: string;
  readonly value: T;
}

/** `value` in place of `expected`. */
export interface Change<T> extends Entry<T> {
  readonly expected: T;
}

/**
 * Entries by key, each for its own time. What is put is kept as JSON: an entry that is read is a copy, without what JSON does not hold, and
 * two are the same when their JSON is. `ttlMs`: for how long from now; 1 ms at least.
 */
export interface MemorySpace<T> {
  /** Of all who put under a free key at once, one does. SET NX GET PX. */
  putIfAbsent(key: string, value: T, ttlMs: number): Promise<Put<T>>;
  /** SET PX. */
  put(key: string, value: T, ttlMs: number): Promise<void>;
  /** As `put`, several in one step and one command. A script of SET PX. */
  putAll(entries: ReadonlyArray<Entry<T>>, ttlMs: number): Promise<void>;
  /** GET. */
  get(key: string): Promise<T | undefined>;
  /** Reads and deletes: of all who take one entry, one gets it. GETDEL. */
  take(key: string): Promise<T | undefined>;
  /** Puts `value` where the key still holds `expected`, as it was read; false where it does not. A script of GET and SET PX. */
  replace(key: string, expected: T, value: T, ttlMs: number): Promise<boolean>;
  /** As `replace`, several in one step and one command, each by itself; which were replaced, in their order. */
  replaceAll(changes: ReadonlyArray<Change<T>>, ttlMs: number): Promise<boolean[]>;
  /** Deletes what is there, or only what is still `expected`; whether something was deleted. DEL, or a script of GET and DEL. */
  delete(key: string, expected?: T): Promise<boolean>;
  /** Gives what is there another time; false where nothing is. PEXPIRE. */
  expire(key: string, ttlMs: number): Promise<boolean>;
}

export interface WindowOptions extends NamedOptions {
  /** How long a use counts, ms. */
  readonly ms: number;
}

/** `use`: names it, to give it back. `retryAfterMs`: when there may be one again; undefined where there never is. */
export type Taken =
  | { readonly ok: true; readonly use: string }
  | { readonly ok: false; readonly retryAfterMs: number | undefined };

/**
 * So many uses in any stretch of this length. Each use is a lease that ends by itself, never a count up and down, so that a process which dies
 * takes none along for good. A sorted set of uses by their end, cleaned and counted in one script by the server's clock.
 */
export interface MemoryWindow {
  /** Takes one of `most`; 0 forbids all. */
  take(most: number): Promise<Taken>;
  /** It came to nothing, and does not count. What is unknown, or given back before, changes nothing. */
  giveBack(use: string): Promise<void>;
  /** A use that was granted counts for `ms` more from now where it is not known any more, however many there are; one that is known is left as it is. */
  putAgain(use: string, ms: number): Promise<void>;
}

/** One member of a group: `id` names it there; `value` is kept as JSON. */
export interface Lease<T> {
  readonly group: string;
  readonly id: string;
  readonly value: T;
}

/** A lease that is wanted where its group has fewer than `most` members. */
export interface WantedLease<T> extends Lease<T> {
  readonly most: number;
}

/** `full`: the first group, in the order in which they were wanted, that has no room. */
export type TakenLeases = { readonly ok: true } | { readonly ok: false; readonly full: string };

export interface Member<T> {
  readonly id: string;
  readonly value: T;
}

/**
 * So many at once in each group. A member is a lease that ends by itself unless it is renewed, by the memory's own clock, so that a process which
 * dies takes no place along for good. What is done to several at once is one step, and one command. In Redis: for each group a sorted set of
 * ids by their end, and a hash of values, cleaned and counted in one script by the server's clock.
 */
export interface MemoryLeases<T> {
  /** Whether `id` is a member now: it was taken in as one of `most`, or was one already and is renewed. */
  take(group: string, id: string, value: T, most: number, ttlMs: number): Promise<boolean>;
  /** All of them, or none where one group is full. */
  takeAll(wanted: ReadonlyArray<WantedLease<T>>, ttlMs: number): Promise<TakenLeases>;
  /** Gives it that time from now, and this value; puts it again where it had ended, however full its group: what lives is registered anew after the memory was away. */
  renew(group: string, id: string, value: T, ttlMs: number): Promise<void>;
  renewAll(leases: ReadonlyArray<Lease<T>>, ttlMs: number): Promise<void>;
  /** Ends it. What is unknown, or freed before, changes nothing. */
  free(group: string, id: string): Promise<void>;
  freeAll(leases: ReadonlyArray<Pick<Lease<T>, 'group' | 'id'>>): Promise<void>;
  /** Those that are members now, in no order. */
  members(group: string): Promise<ReadonlyArray<Member<T>>>;
}

/**
 * News for whoever listens at that moment, in every process, the publisher's own too; texts of one publisher come in their order. Best effort: what
 * is published while a listener cannot be reached is lost to him, and he may look for it elsewhere when `onState` says that the memory is back.
 * Never for commands: nobody says whether they were carried out. PUBLISH and SUBSCRIBE.
 */
export interface MemoryChannel {
  /** Never throws, and waits for nobody. */
  publish(text: string): void;
  /** `heard` must not throw. Returns how to end it. */
  subscribe(heard: (text: string) => void): () => void;
}

/** What the memory could not do, and why; whoever asked may ask again. */
export const memoryUnavailable = (detail: string): BridgeError =>
  new BridgeError('INTERNAL', `what is remembered of calls cannot be reached: ${detail}`, {
    retryable: true,
    status: 503,
    retryAfterMs: 1_000,
  });
