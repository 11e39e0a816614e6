import { BridgeError } from '../errors.ts';

/**
 * The daemon's processes that take calls of the same numbers, as each of them sees the others. A call lives where its media is, and never moves:
 * what is asked of it elsewhere is asked of the process that has it. A daemon that is alone is a fleet of one (`alone.ts`).
 */

/** A process that takes calls: a worker of this machine, or one of another. */
export interface Instance {
  /** Letters and digits; another each time the process is started. */
  readonly id: string;
  /** Where the others reach it; undefined where it has told no address. */
  readonly url?: string | undefined;
  /** Calls that it has, as it told last. */
  readonly calls: number;
  /** Most that it takes. */
  readonly maxCalls: number;
  /** It takes no new calls. */
  readonly draining: boolean;
  /** When it began, by its own wall clock, ms since the epoch. */
  readonly startedAt: number;
  /** Unpredictable, and another each time the process is started: tells it from one that has its id, as a copied machine's. */
  readonly boot?: string | undefined;
  /** The same for all workers of one machine, which have one DATA_DIR; undefined where it is a machine's only one. */
  readonly machine?: string | undefined;
}

/**
 * A name by which a call is asked for. `call`: our id; `carrier`: `carrierCallKey` of it, WhatsApp's calls among them; `order`: our id of what was
 * ordered, until it is a call; `conversation` and `room`: the id of either.
 */
export interface Alias {
  readonly kind: 'call' | 'carrier' | 'order' | 'conversation' | 'room';
  readonly id: string;
}

/** One text for a name, for maps and for what is shared. */
export const aliasKey = ({ kind, id }: Alias): string => `${kind}:${id}`;

/** Who has a call, or had it within the last ten minutes. */
export interface Owner {
  /** Its id. */
  readonly instance: string;
  readonly callId: string;
  /** Whether that process lives as far as is known: its lease has not ended. It may still not be reached. */
  readonly reachable: boolean;
}

/** A call that this process has. */
export interface Owned {
  /** It is asked for by this name, too, from now on. */
  add(alias: Alias): void;
  /** It is asked for by this name no longer, or not here. */
  leave(alias: Alias): void;
  /** Another instance has it, by the same names, and tells that itself. */
  handOver(): void;
  /** It is over: for ten minutes its names still lead here, for those who ask what comes next. Idempotent. */
  release(): void;
}

/** Answers a question. `signal` aborts when nobody waits for the answer any more. */
export type Handler<Q, A> = (question: Q, signal: AbortSignal) => Promise<A>;

export interface AskOptions {
  /** How long the answer may take, ms. What has not begun by then is not carried out. */
  readonly withinMs: number;
}

/** What became of a question at one instance. */
export type Asked<A> =
  | { readonly instance: string; readonly answer: A; readonly error?: undefined }
  | { readonly instance: string; readonly answer?: undefined; readonly error: unknown };

export interface Fleet {
  /** The id of this process. */
  readonly self: string;
  /** There are no others, and never will be: nothing need be kept or asked for their sake. */
  readonly isAlone: boolean;
  /** What keeps the others from asking this one, or one of them, in a sentence or two; undefined: nothing that is known of. */
  readonly problem: string | undefined;
  /** All that live, this one among them, whoever came more than a second ago; what each tells of itself is ten seconds old at most. Never rejects. */
  instances(): Promise<readonly Instance[]>;
  /** Answers questions of this name, from this process and from the others. Throws where the name is taken. Questions and answers are JSON. */
  serve<Q, A>(name: string, handler: Handler<Q, A>): void;
  /**
   * Asks one instance. Rejects with PEER_UNREACHABLE (it was not asked, or its answer was lost), PEER_LATE (no answer in time), or with the
   * error that it answered with, as it was there: code, status, message, details.
   */
  ask<Q, A>(instance: string, name: string, question: Q, options: AskOptions): Promise<A>;
  /** Asks all at once, this one among them. Never rejects. */
  askAll<Q, A>(name: string, question: Q, options: AskOptions): Promise<ReadonlyArray<Asked<A>>>;
  /** This process has a call. It is found by our id of it and by `aliases`. */
  own(callId: string, aliases: readonly Alias[]): Owned;
  /** Who has the call of this name; undefined where nobody is known to. Never rejects: what cannot be looked up is not known. */
  ownerOf(alias: Alias): Promise<Owner | undefined>;
}

/** What whoever makes the daemon does with it besides. */
export interface FleetMember extends Fleet {
  /** Listening: the others may ask from now on. `port`: which one it became. Rejects with INSTANCE_TAKEN where another that lives has this id. */
  begin(port: number): Promise<void>;
  /** Has the others know at once that no new calls are taken here. Never rejects. */
  drain(): Promise<void>;
  /** Leaves. Never rejects. */
  close(): Promise<void>;
}

export const peerUnreachable = (detail: string): BridgeError =>
  new BridgeError('PEER_UNREACHABLE', `the instance cannot be reached: ${detail}`, {
    retryable: true,
    status: 503,
    retryAfterMs: 1_000,
  });

export const peerLate = (withinMs: number): BridgeError =>
  new BridgeError('PEER_LATE', `the instance did not answer within ${withinMs} ms`, {
    retryable: true,
    status: 504,
    retryAfterMs: 1_000,
  });
