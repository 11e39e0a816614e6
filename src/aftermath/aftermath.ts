import { type Clock, delay, type Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { BridgeError, errorCode } from '../errors.ts';
import type { Wanted } from '../prompts/after-call.ts';
import type { EventIds, RecordedEvent, RecordSink } from '../records/event.ts';
import { Conversation } from './conversation.ts';
import type { Line, Made } from './wanted.ts';

/** What became of a call of which something was wanted: a metric label. */
export const AFTERMATHS = ['made', 'failed', 'dropped'] as const;
export type AftermathEnd = (typeof AFTERMATHS)[number];

export interface AftermathOptions {
  /** What is wanted of calls that are answered by this prompt now; undefined: nothing. */
  readonly wantedOf: (prompt: string) => Wanted | undefined;
  /** Asks once. Rejects with a BridgeError; `retryable`: asking again may help, later too. AFTER_CALL_INVALID: it was answered, with what is of no use. */
  readonly ask: (lines: readonly Line[], wanted: Wanted, signal: AbortSignal) => Promise<Made>;
  /** The model's name, for the record. */
  readonly model: string;
  /** Has every watcher of records hear of an event. */
  readonly tell: (event: RecordedEvent) => void;
  readonly ids: Pick<EventIds, 'next'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly count: (end: AftermathEnd) => void;
}

interface Listened {
  readonly wanted: Wanted;
  readonly said: Conversation;
}

/** A call that is over and of which something is to be made. */
export interface Job {
  readonly wanted: Wanted;
  readonly lines: readonly Line[];
  /** The call's last event. */
  readonly last: Pick<RecordedEvent, 'callId' | 'seq' | 'offsetMs' | 'at'>;
}

/** A job that was taken. */
interface Taken extends Job {
  /** Since when, by the clock, ms. */
  readonly takenAt: number;
  /** How many answers of no use came. */
  unusable: number;
}

/** Of a call that ended so long ago nothing is made any more, ms. */
export const AGE_MS = 24 * 3_600_000;
/** So many are asked for at once. */
const AT_ONCE = 2;
/** So many calls wait at most: beyond, those that end are left out. */
const WAITING_MOST = 1_000;
/** The waits between tries, ms. */
const RETRY_MS = [2_000, 15_000, 60_000];
/** So many answers of no use are paid for: a model that refuses to speak of a call, or cannot keep to the form, does so again. */
const UNUSABLE_MOST = 2;
/** What failed then all the same and may pass is asked for again after so long, behind the calls that ended meanwhile, until it is too old, ms. */
const LATER_MS = 600_000;

/**
 * Has a text model say what calls came to whose prompt asks for it, once they are over: off the path of calls, a few at a time, and told as an event of the call, which
 * thereby stands in records, webhooks and the live stream. A process that drains waits for what it makes (`finish`); what it leaves undone is made up for by others, or the next start (`owed.ts`).
 */
export class Aftermath implements RecordSink {
  readonly #o: AftermathOptions;
  readonly #calls = new Map<string, Listened>();
  readonly #waiting: Taken[] = [];
  /** What is asked for again later. */
  readonly #later = new Map<string, Timer>();
  readonly #running = new Map<string, AbortController>();
  /** Those who wait until nothing is left to be made. */
  #waitingForAll: Array<() => void> = [];
  #closed = false;

  constructor(options: AftermathOptions) {
    this.#o = options;
  }

  onRecord(event: RecordedEvent): void {
    const { type, callId, data } = event;
    if (event.transient) return;
    if (type === 'call_started') {
      const { prompt } = data['info'] as { readonly prompt?: string };
      const wanted = prompt === undefined ? undefined : this.#o.wantedOf(prompt);
      if (wanted !== undefined) this.#calls.set(callId, { wanted, said: new Conversation() });
      return;
    }
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    if (type === 'call_moved') this.#calls.delete(callId);
    else if (type === 'call_ended') {
      this.#calls.delete(callId);
      const { lines } = call.said;
      if (lines !== undefined) this.add({ wanted: call.wanted, lines, last: event });
    } else call.said.add(event);
  }

  /** Makes nothing of these calls any more. */
  forget(callIds: readonly string[]): void {
    for (const callId of callIds) {
      this.#calls.delete(callId);
      this.#running.get(callId)?.abort();
      this.#later.get(callId)?.cancel();
      this.#later.delete(callId);
      const at = this.#waiting.findIndex(({ last }) => last.callId === callId);
      if (at >= 0) this.#waiting.splice(at, 1);
    }
  }

  /**
   * Resolves when nothing is left to be made, or with `signal`. Calls that end meanwhile are waited for, too; what is asked for again later is not: others make up for
   * it, or the next start.
   */
  finish(signal: AbortSignal): Promise<void> {
    if (this.#left === 0 || signal.aborted || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waitingForAll.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** What is not made by now is left to others, or to the next start. */
  close(): void {
    this.#closed = true;
    const calls = this.#left + this.#later.size;
    if (calls > 0)
      this.#o.log.warn(
        { calls },
        'what the last calls came to is not made yet: another instance or the next start does it',
      );
    this.#waiting.length = 0;
    for (const timer of this.#later.values()) timer.cancel();
    this.#later.clear();
    for (const one of this.#running.values()) one.abort();
    this.#tellFinished();
  }

  get #left(): number {
    return this.#waiting.length + this.#running.size;
  }

  #tellFinished(): void {
    if (this.#left > 0 && !this.#closed) return;
    for (const resolve of this.#waitingForAll.splice(0)) resolve();
  }

  /** Has it made, when it is its turn. */
  add(job: Job): void {
    const { count, log, clock } = this.#o;
    if (this.#closed) return;
    if (this.#waiting.length + this.#later.size >= WAITING_MOST) {
      count('dropped');
      log.warn({ callId: job.last.callId }, 'too many calls wait for what they came to; of this one nothing is made');
      return;
    }
    this.#waiting.push({ ...job, takenAt: clock.now(), unusable: 0 });
    this.#next();
  }

  /** Asks for it again later, if it is young enough then. */
  #putBack(job: Taken): boolean {
    const { clock } = this.#o;
    const { callId, at } = job.last;
    if (clock.wall() + LATER_MS - at >= AGE_MS) return false;
    const timer = clock.after(LATER_MS, () => {
      this.#later.delete(callId);
      this.#waiting.push(job);
      this.#next();
    });
    this.#later.set(callId, timer);
    return true;
  }

  #next(): void {
    while (this.#running.size < AT_ONCE) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const { callId } = job.last;
      const abort = new AbortController();
      this.#running.set(callId, abort);
      void this.#make(job, abort.signal).finally(() => {
        this.#running.delete(callId);
        this.#next();
        this.#tellFinished();
      });
    }
  }

  async #make(job: Taken, signal: AbortSignal): Promise<void> {
    const { lines, wanted, last, takenAt } = job;
    const { ask, clock, log, count, model } = this.#o;
    const { callId } = last;
    for (let n = 0; ; n++) {
      try {
        const made = await ask(lines, wanted, signal);
        if (signal.aborted) return;
        count('made');
        this.#tell(last, clock.now() - takenAt, { ...made, model });
        return;
      } catch (error) {
        if (signal.aborted) return;
        const isUnusable = errorCode(error) === 'AFTER_CALL_INVALID';
        if (isUnusable) job.unusable++;
        const mayPass = !isUnusable && error instanceof BridgeError && error.retryable;
        const again = isUnusable && job.unusable < UNUSABLE_MOST ? RETRY_MS[0] : undefined;
        const wait = mayPass ? RETRY_MS[n] : again;
        if (wait === undefined) {
          const isLater = mayPass && this.#putBack(job);
          if (!isLater) count('failed');
          log.warn(
            { callId, code: errorCode(error), reason: messageOf(error) },
            isLater
              ? 'what a call came to cannot be made now; it is tried again'
              : 'what a call came to could not be made',
          );
          return;
        }
        await delay(clock, wait, signal).catch(() => {});
        if (signal.aborted) return;
      }
    }
  }

  #tell({ callId, seq, offsetMs }: Job['last'], sinceMs: number, data: Readonly<Record<string, unknown>>): void {
    const { tell, ids, clock } = this.#o;
    tell({
      id: ids.next(),
      callId,
      seq: seq + 1,
      at: clock.wall(),
      offsetMs: offsetMs + sinceMs,
      type: 'call_summarized',
      data,
      transient: false,
    });
  }
}

/** Of our own errors alone: others may hold what was said. */
const messageOf = (error: unknown): string => (error instanceof BridgeError ? error.message : 'unexpected');
