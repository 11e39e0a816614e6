import type { Clock } from '../call/clock.ts';
import type { EventIds, RecordedEvent, RecordSink } from '../records/event.ts';
import { EventFollower } from './follower.ts';
import type { LevelMeters, Levels } from './levels.ts';
import { OwnEvents } from './own-events.ts';
import type { EventPage, EventPeers, EventQuestion } from './peers.ts';
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
  /** Ids of this process's events. */
  readonly ids: Pick<EventIds, 'next' | 'after'>;
  /** The other instances; left out: there are none, and never will be. */
  readonly peers?: EventPeers | undefined;
}

/**
 * Hands every call's events to all who watch, live, from an id on, or of one call or conversation: those of this process, and, where there are other
 * instances, theirs among them in the order of their ids.
 */
export class EventHub implements RecordSink {
  readonly #o: EventHubOptions;
  readonly #ring: EventRing;
  readonly #watchers = new Set<Watcher>();
  /** Conversations of the calls that go on. */
  readonly #conversations = new Map<string, string>();
  #replay: EventReplay | undefined;
  #stopLevels: (() => void) | undefined;
  /** What the other instances ask for, and what is asked of them. */
  readonly #own: OwnEvents | undefined;
  readonly #follower: EventFollower | undefined;

  constructor(options: EventHubOptions) {
    const { clock, ids, keep, levels, peers } = options;
    this.#o = options;
    this.#ring = new EventRing(keep, ids.next());
    if (peers === undefined) return;
    this.#own = new OwnEvents({ clock, ids, keep, levels });
    this.#follower = new EventFollower({
      peers,
      clock,
      ids,
      levels: () => this.#wantsLevels,
      begun: (from, merge) => {
        this.#ring.reset(from);
        for (const event of this.#own?.after(from) ?? []) merge.own(event);
        this.#ring.raise(this.#own?.floor ?? from);
      },
      told: (event, late) => this.#tell(event, late),
      leveled: this.#onLevels,
      noticed: (message) => this.#pass(message),
      missing: (until) => this.#ring.raise(until),
    });
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
    this.#own?.push(live);
    const merge = this.#follower?.merge;
    if (merge === undefined) this.#tell(live, false);
    else merge.own(live);
  }

  /** What happened in the calls of this process, for another instance. */
  answer(question: EventQuestion): EventPage {
    if (this.#own === undefined) throw new Error('there are no other instances');
    return this.#own.answer(question);
  }

  #tell(live: LiveEvent, late: boolean): void {
    const { callId, type } = live.event;
    // Levels of another instance's calls do not say which conversation they are of.
    if (type === 'call_ended') this.#conversations.delete(callId);
    else if (live.conversationId !== undefined) this.#conversations.set(callId, live.conversationId);
    if (late) {
      this.#ring.insert(live);
      for (const watcher of this.#watchers) watcher.offerLate(live);
      return;
    }
    this.#ring.push(live);
    for (const watcher of this.#watchers) watcher.offer(live);
  }

  /** Something that is no call's: to those who watch all calls, and to nobody who comes later. */
  notice(type: string, data: object): void {
    const message = JSON.stringify({ kind: 'notice', type, at: this.#o.clock.wall(), data });
    this.#own?.notice(message);
    this.#pass(message);
  }

  #pass(message: string): void {
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
    if (this.#wantsLevels) this.#stopLevels ??= this.#o.levels.watch(this.#onLevels);
    else {
      this.#stopLevels?.();
      this.#stopLevels = undefined;
    }
  }

  get #wantsLevels(): boolean {
    return [...this.#watchers].some((watcher) => watcher.options.levels);
  }

  /** Takes a reader. Whoever owns the connection tells its end by `closed`. */
  watch(outlet: Outlet, wanted: WatchOptions): Watcher {
    const options = { ...wanted, after: this.#seen(wanted.after) };
    const watcher = new Watcher(outlet, options, {
      ring: this.#ring,
      clock: this.#o.clock,
      replay: () => this.#replay,
      bufferBytes: this.#o.bufferBytes,
      gone: (gone, why) => {
        this.#watchers.delete(gone);
        this.#attendLevels();
        if (this.#watchers.size === 0) this.#follower?.end();
        if (why !== undefined) this.#o.dropped?.(why);
      },
      failed: this.#o.failed,
    });
    this.#watchers.add(watcher);
    this.#attendLevels();
    const begun = this.#follower?.begin();
    if (begun === undefined) watcher.start();
    else void begun.then(() => watcher.start());
    return watcher;
  }

  /** What a reader has seen was before all that is to come, whoever's clock it goes by. An id of no time that can be is as good as none. */
  #seen(id: string | undefined): string | undefined {
    if (id === undefined) return undefined;
    this.#o.ids.after(id);
    return id < this.#o.ids.next() ? id : undefined;
  }

  /** Drops what is kept of these calls: nobody who comes later is told of them. */
  forget(callIds: readonly string[]): void {
    const gone = new Set(callIds);
    this.#ring.forget(gone);
    this.#own?.forget(gone);
  }

  /** Sends all readers away. */
  close(): void {
    for (const watcher of [...this.#watchers]) watcher.end('closing', 'the daemon ends');
    this.#follower?.close();
    this.#own?.close();
  }

  #conversationOf({ type, callId, data }: RecordedEvent): string | undefined {
    if (type === 'call_started') {
      const { conversationId } = data['info'] as { conversationId?: string };
      if (conversationId !== undefined) this.#conversations.set(callId, conversationId);
    }
    return this.#conversations.get(callId);
  }
}
