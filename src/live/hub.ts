import type { Clock } from '../call/clock.ts';
import { EventIds, type RecordedEvent, type RecordSink } from '../records/event.ts';
import type { LevelMeters, Levels } from './levels.ts';
import type { EventReplay } from './replay.ts';
import { EventRing, LiveEvent, type RingLimits } from './ring.ts';
import { type Outlet, type WatchEnd, Watcher, type WatchOptions } from './watcher.ts';

export interface EventHubOptions {
  readonly clock: Clock;
  readonly keep: RingLimits;
  /** Most readers at once. */
  readonly watchers: number;
  /** A reader that lets more lie than this is dropped, bytes. */
  readonly bufferBytes: number;
  /** A reader was sent away. */
  readonly dropped?: (why: WatchEnd) => void;
  readonly failed: (error: unknown) => void;
  /** Watched only while a reader wants levels. */
  readonly levels: Pick<LevelMeters, 'watch'>;
}

/** Hands every call's events to all who watch, live, from an id on, or of one call or conversation. */
export class EventHub implements RecordSink {
  readonly #o: EventHubOptions;
  readonly #ring: EventRing;
  readonly #watchers = new Set<Watcher>();
  /** Conversations of the calls that go on. */
  readonly #conversations = new Map<string, string>();
  #replay: EventReplay | undefined;
  #stopLevels: (() => void) | undefined;

  constructor(options: EventHubOptions) {
    this.#o = options;
    this.#ring = new EventRing(options.keep, EventIds.at(options.clock.wall()));
  }

  /** From where events come that are no longer kept here. */
  set replay(replay: EventReplay | undefined) {
    this.#replay = replay;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Whether no more readers are taken. */
  get isFull(): boolean {
    return this.#watchers.size >= this.#o.watchers;
  }

  onRecord(event: RecordedEvent): void {
    const live = new LiveEvent(event, this.#conversationOf(event));
    this.#ring.push(live);
    for (const watcher of this.#watchers) watcher.offer(live);
  }

  /** Something that is no call's: to those who watch all calls, and to nobody who comes later. */
  notice(type: string, data: object): void {
    const message = JSON.stringify({ kind: 'notice', type, at: this.#o.clock.wall(), data });
    for (const watcher of this.#watchers)
      if (watcher.options.callId === undefined && watcher.options.conversationId === undefined)
        watcher.offerPassing(message);
  }

  /** How loud a call is at the moment: to those who asked for it. */
  readonly #onLevels = (levels: Levels): void => {
    let message: string | undefined;
    for (const watcher of this.#watchers) {
      const { levels: wanted, callId, conversationId } = watcher.options;
      if (!wanted || (callId !== undefined && callId !== levels.callId)) continue;
      if (conversationId !== undefined && this.#conversations.get(levels.callId) !== conversationId) continue;
      message ??= JSON.stringify({ kind: 'levels', ...levels });
      watcher.offerPassing(message);
    }
  };

  /** Levels are measured while anybody looks at them. */
  #attendLevels(): void {
    const wanted = [...this.#watchers].some((watcher) => watcher.options.levels);
    if (wanted) this.#stopLevels ??= this.#o.levels.watch(this.#onLevels);
    else {
      this.#stopLevels?.();
      this.#stopLevels = undefined;
    }
  }

  /** Takes a reader. Whoever owns the connection tells its end by `closed`. */
  watch(outlet: Outlet, options: WatchOptions): Watcher {
    const watcher = new Watcher(outlet, options, {
      ring: this.#ring,
      clock: this.#o.clock,
      replay: () => this.#replay,
      bufferBytes: this.#o.bufferBytes,
      gone: (gone, why) => {
        this.#watchers.delete(gone);
        this.#attendLevels();
        if (why !== undefined) this.#o.dropped?.(why);
      },
      failed: this.#o.failed,
    });
    this.#watchers.add(watcher);
    this.#attendLevels();
    watcher.start();
    return watcher;
  }

  /** Drops what is kept of these calls: nobody who comes later is told of them. */
  forget(callIds: readonly string[]): void {
    this.#ring.forget(new Set(callIds));
  }

  /** Sends all readers away. */
  close(): void {
    for (const watcher of [...this.#watchers]) watcher.end('closing', 'the daemon ends');
  }

  #conversationOf({ type, callId, data }: RecordedEvent): string | undefined {
    if (type === 'call_started') {
      const { conversationId } = data['info'] as { conversationId?: string };
      if (conversationId !== undefined) this.#conversations.set(callId, conversationId);
    }
    const conversation = this.#conversations.get(callId);
    if (type === 'call_ended') this.#conversations.delete(callId);
    return conversation;
  }
}
