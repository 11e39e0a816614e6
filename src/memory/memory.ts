import { BridgeError } from '../errors.ts';

/**
 * What a process remembers of calls beyond the calls themselves: tokens that were used, webhooks that were answered, orders that a carrier will
 * ask for, keys of requests, uses of a limit. A port, so that several processes can share it. All of it expires; nothing of it is kept for
 * good, and nothing that holds a socket, a timer or a call belongs here.
 *
 * Every method is asynchronous, does its work in one step that nobody else's comes between, and rejects where that cannot be done in time
 * (`withDeadline`). Each user says what it does then. The forms in Redis are named so that no user asks for what a shared memory cannot do.
 */
export interface ProcessMemory {
  /** The space of this name; whoever asks for the same name shares what is in it. */
  space<T>(options: SpaceOptions): MemorySpace<T>;
  /** The window of this name, likewise. */
  window(options: WindowOptions): MemoryWindow;
  /** Resolves when all that outlives the process is written. Never rejects. */
  close(): Promise<void>;
}

export interface SpaceOptions {
  /** Lower-case letters and dashes; what comes before its keys where they lie among others. */
  readonly name: string;
  /** Most entries at once. A shared memory may hold more. */
  readonly most: number;
  /** What gives way when there are as many: the entry with the oldest news, or what is new (`putIfAbsent` alone may be refused so). */
  readonly full?: 'oldest' | 'new';
}

/** `there`: what the key holds already; undefined where there was no room. */
export type Put<T> = { readonly put: true } | { readonly put: false; readonly there: T | undefined };

/**
 * Entries by key, each for its own time. What is put is kept as JSON: an entry that is read is a copy, without what JSON does not hold, and
 * two are the same when their JSON is. `ttlMs`: for how long from now; 1 ms at least.
 */
export interface MemorySpace<T> {
  /** Of all who put under a free key at once, one does. SET NX GET PX. */
  putIfAbsent(key: string, value: T, ttlMs: number): Promise<Put<T>>;
  /** SET PX. */
  put(key: string, value: T, ttlMs: number): Promise<void>;
  /** GET. */
  get(key: string): Promise<T | undefined>;
  /** Reads and deletes: of all who take one entry, one gets it. GETDEL. */
  take(key: string): Promise<T | undefined>;
  /** Puts `value` where the key still holds `expected`, as it was read; false where it does not. A script of GET and SET PX. */
  replace(key: string, expected: T, value: T, ttlMs: number): Promise<boolean>;
  /** Deletes what is there, or only what is still `expected`; whether something was deleted. DEL, or a script of GET and DEL. */
  delete(key: string, expected?: T): Promise<boolean>;
  /** Gives what is there another time; false where nothing is. PEXPIRE. */
  expire(key: string, ttlMs: number): Promise<boolean>;
}

export interface WindowOptions {
  /** As of a space. */
  readonly name: string;
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
}

/** What the memory could not do, and why; whoever asked may ask again. */
export const memoryUnavailable = (detail: string): BridgeError =>
  new BridgeError('INTERNAL', `what is remembered of calls cannot be reached: ${detail}`, {
    retryable: true,
    status: 503,
    retryAfterMs: 1_000,
  });
