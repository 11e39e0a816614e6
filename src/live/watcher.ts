import { type Clock, delay } from '../call/clock.ts';
import type { RecordedEvent } from '../records/event.ts';
import type { EventFilter, EventReplay } from './replay.ts';
import { type EventRing, LiveEvent } from './ring.ts';

/** Why a reader is sent away, from a closed set: a metric label. */
export type WatchEnd = 'slow' | 'closing';

/** One reader's connection, of whatever kind. */
export interface Outlet {
  /** Sends one message of JSON; `id` where it is an event's. */
  send(message: string, id: string | undefined): void;
  /** Bytes that were sent and that the network has not taken yet. */
  readonly bufferedBytes: number;
  /** Ends the connection, saying why. */
  end(why: WatchEnd, words: string): void;
}

export interface WatchOptions extends EventFilter {
  /** Replay begins behind this id; without it only what is to come is told. */
  readonly after?: string | undefined;
  /** Whether events that later ones replace are wanted: the pieces of a transcript. */
  readonly transient: boolean;
  readonly levels: boolean;
}

export interface WatcherDeps {
  readonly ring: EventRing;
  readonly clock: Clock;
  readonly replay: () => EventReplay | undefined;
  /** A reader that lets more lie than this is dropped, bytes. */
  readonly bufferBytes: number;
  /** The reader is gone: sent away, or by itself. */
  readonly gone: (watcher: Watcher, why: WatchEnd | undefined) => void;
  readonly failed: (error: unknown) => void;
}

/** Events asked for at a time while a reader catches up. */
const PAGE = 200;
/** How often a reader that catches up is looked at, whether it takes more, ms. */
const POLL_MS = 20;
/** How long it may take for a page, ms. */
const STALLED_MS = 15_000;

/**
 * One reader. While it catches up it pulls: page by page from the store and the ring, as fast as its connection takes them, and what happens
 * meanwhile waits in the ring. When nothing is left it goes over to live in the same moment, so there is no gap, and since its cursor only
 * moves forward, nothing comes twice. Live events are pushed, and a reader that does not take them is dropped: nobody's slowness costs
 * memory.
 */
export class Watcher {
  readonly options: WatchOptions;
  readonly #outlet: Outlet;
  readonly #deps: WatcherDeps;
  #state: 'behind' | 'live' | 'ended' = 'behind';
  /** The last id that was looked at. */
  #cursor: string;
  #started = false;
  #replayed = 0;

  constructor(outlet: Outlet, options: WatchOptions, deps: WatcherDeps) {
    this.#outlet = outlet;
    this.options = options;
    this.#deps = deps;
    this.#cursor = options.after ?? '';
  }

  /** Begins to send. */
  start(): void {
    if (this.#isOver) return;
    this.#started = true;
    this.#cursor = this.options.after ?? this.#deps.ring.newest;
    if (this.options.after === undefined) this.#goLive();
    else
      void this.#catchUp().catch((error: unknown) => {
        this.#deps.failed(error);
        this.end('closing', 'an error of ours');
      });
  }

  /** A new event, already in the ring. */
  offer(event: LiveEvent): void {
    // Another instance may have told him of it already, from where he comes.
    if (this.#state !== 'live' || event.event.id <= this.#cursor) return;
    this.#cursor = event.event.id;
    if (this.#wants(event)) this.#send(event.message, event.event.id);
  }

  /** An event that sorts before others that were told: it is told without its id, which is no place to come back to. */
  offerLate(event: LiveEvent): void {
    // Who is behind finds it where it belongs, unless he has passed that.
    const passed = this.#state === 'live' || (this.#started && event.event.id <= this.#cursor);
    if (passed && this.#wants(event)) this.#send(event.message, undefined);
  }

  /** Something that is worth nothing later: left out where the reader is behind. */
  offerPassing(message: string): void {
    if (this.#state === 'live' && this.#outlet.bufferedBytes < this.#deps.bufferBytes / 16)
      this.#send(message, undefined);
  }

  /** Sends the reader away. */
  end(why: WatchEnd, words: string): void {
    if (this.#state === 'ended') return;
    this.closed(why);
    this.#outlet.end(why, words);
  }

  /** The connection is gone. Idempotent. */
  closed(why?: WatchEnd): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#deps.gone(this, why);
  }

  get #isOver(): boolean {
    return this.#state === 'ended';
  }

  async #catchUp(): Promise<void> {
    const { ring } = this.#deps;
    for (;;) {
      if (!(await this.#drained())) return;
      if (this.#cursor < ring.floor) {
        await this.#fromStore(ring.floor);
        continue;
      }
      const events = ring.after(this.#cursor, PAGE);
      if (events.length === 0) {
        this.#goLive();
        return;
      }
      const before = this.#cursor;
      for (const event of events) this.#replay(event);
      // A page that brings nothing new would be asked for for ever, and nothing else would run meanwhile.
      if (this.#cursor === before) {
        this.#skip();
        return;
      }
    }
  }

  /** Goes over to live without the rest of the ring: told as a gap. */
  #skip(): void {
    const { ring, failed } = this.#deps;
    const after = this.#cursor;
    const until = ring.newest;
    failed(new Error('the ring of events gives what was asked to come after it again'));
    this.#send(JSON.stringify({ kind: 'gap', after, until }), undefined);
    if (until > after) this.#cursor = until;
    this.#goLive();
  }

  /** The next page of what the ring has lost. What cannot be had is told as a gap. */
  async #fromStore(until: string): Promise<void> {
    const { callId, conversationId } = this.options;
    const after = this.#cursor;
    let events: readonly RecordedEvent[] | undefined;
    try {
      events = await this.#deps.replay()?.({ callId, conversationId, after, until, limit: PAGE });
    } catch (error) {
      this.#deps.failed(error);
    }
    if (this.#isOver) return;
    for (const event of events ?? []) this.#replay(new LiveEvent(event, conversationId));
    if (events === undefined) this.#send(JSON.stringify({ kind: 'gap', after, until }), undefined);
    // A page that brings nothing new would be asked for for ever.
    const isLast = events === undefined || events.length < PAGE || this.#cursor === after;
    if (isLast) this.#cursor = until;
  }

  #replay(event: LiveEvent): void {
    // A store that gives what was given before must not make it come twice.
    if (event.event.id <= this.#cursor) return;
    this.#cursor = event.event.id;
    if (!this.#wants(event)) return;
    this.#replayed++;
    this.#send(event.message, event.event.id);
  }

  #goLive(): void {
    if (this.#isOver) return;
    this.#state = 'live';
    const hello = { kind: 'hello', now: this.#deps.clock.wall(), replayed: this.#replayed, last: this.#cursor };
    this.#send(JSON.stringify(hello), undefined);
  }

  #wants(event: LiveEvent): boolean {
    return (this.options.transient || !event.event.transient) && event.matches(this.options);
  }

  #send(message: string, id: string | undefined): void {
    if (this.#isOver) return;
    this.#outlet.send(message, id);
    // Pages are measured where they are asked for: one page may be larger than what live events may leave lying.
    if (this.#state === 'live' && this.#outlet.bufferedBytes > this.#deps.bufferBytes)
      this.end('slow', 'the reader is too slow');
  }

  /** Waits until the connection took what was sent. False: the reader is gone. */
  async #drained(): Promise<boolean> {
    const { clock, bufferBytes } = this.#deps;
    const since = clock.now();
    while (!this.#isOver && this.#outlet.bufferedBytes > bufferBytes / 4) {
      if (clock.now() - since > STALLED_MS) this.end('slow', 'the reader is too slow');
      else await delay(clock, POLL_MS);
    }
    return !this.#isOver;
  }
}
