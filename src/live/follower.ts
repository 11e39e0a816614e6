import { type Clock, delay } from '../call/clock.ts';
import { EventIds } from '../records/event.ts';
import type { Levels } from './levels.ts';
import { EventMerge } from './merge.ts';
import type { EventPage, EventPeers } from './peers.ts';
import { LiveEvent } from './ring.ts';

export interface FollowerOptions {
  readonly peers: EventPeers;
  readonly clock: Clock;
  readonly ids: Pick<EventIds, 'next' | 'after'>;
  /** Whether anybody looks at level meters. */
  readonly levels: () => boolean;
  /** Watching begins: from this id on, all that all have is told on. `own`: events of this process behind it. */
  readonly begun: (from: string, merge: EventMerge) => void;
  readonly told: (event: LiveEvent, late: boolean) => void;
  readonly leveled: (levels: Levels) => void;
  readonly noticed: (message: string) => void;
  /** What an instance had up to this id is not kept there any more. */
  readonly missing: (until: string) => void;
}

/** How often each of the others is asked while anybody watches, ms: an event waits for half of it on the average. */
const POLL_MS = 200;
/** How often it is looked who the others are, ms. */
const LOOK_MS = 1_000;
/** One that does not answer for so long is not waited for, ms. */
const PATIENCE_MS = 1_500;
/** How far back watching begins: the store has what is older, and is seldom so late, ms. */
const BACK_MS = 30_000;
/** It goes on for so long after the last reader left, ms: most of them come back. */
const LINGER_MS = 30_000;
/** How often instances compare their clocks while nobody watches, ms: ids are to be in the order of what happened, for who reads them later. */
const COMPARE_FIRST_MS = 2_000;
const COMPARE_MS = 30_000;

interface Peer {
  /** Up to where it told all. */
  cursor: string;
  since: number | undefined;
  waitedFor: boolean;
  /** Resolves when it has told all that it had, or cannot be waited for. */
  readonly caughtUp: PromiseWithResolvers<void>;
}

interface Watching {
  readonly merge: EventMerge;
  readonly from: string;
  readonly peers: Map<string, Peer>;
  readonly over: AbortController;
  ready: boolean;
}

/**
 * Follows what happens in the other instances, while anybody here watches and for a moment longer. It asks them: there is no queue for anybody who is slow or gone,
 * what was missed is asked for again, and nobody who watches nothing costs anything.
 */
export class EventFollower {
  readonly #o: FollowerOptions;
  readonly #closed = new AbortController();
  #watching: Watching | undefined;
  #begun: Promise<void> | undefined;
  #linger: AbortController | undefined;

  constructor(options: FollowerOptions) {
    this.#o = options;
    void this.#compare().catch(() => {});
  }

  /** What puts events in order; undefined while nobody watches. */
  get merge(): EventMerge | undefined {
    return this.#watching?.merge;
  }

  /** A reader came. Undefined: he may begin at once; else he is to wait until the others have told what they had. Never rejects. */
  begin(): Promise<void> | undefined {
    this.#linger?.abort();
    this.#linger = undefined;
    if (this.#watching?.ready) return undefined;
    this.#begun ??= this.#begin();
    return this.#begun;
  }

  /** The last reader left. */
  end(): void {
    const linger = new AbortController();
    this.#linger = linger;
    delay(this.#o.clock, LINGER_MS, linger.signal).then(
      () => this.#stop(),
      () => {},
    );
  }

  close(): void {
    this.#closed.abort();
    this.#linger?.abort();
    this.#stop();
  }

  #stop(): void {
    this.#watching?.over.abort();
    this.#watching = undefined;
    this.#begun = undefined;
  }

  async #begin(): Promise<void> {
    const { clock, ids, begun, told, peers } = this.#o;
    const others = await peers.others();
    if (this.#closed.signal.aborted) return;
    const from = EventIds.at(EventIds.timeOf(ids.next()) - BACK_MS);
    const watching: Watching = {
      merge: new EventMerge(from, told),
      from,
      peers: new Map(),
      over: new AbortController(),
      ready: false,
    };
    this.#watching = watching;
    this.#meet(watching, others);
    // Ours wait for theirs from here on.
    begun(from, watching.merge);
    const all = Promise.all([...watching.peers.values()].map(({ caughtUp }) => caughtUp.promise));
    const given = new AbortController();
    await Promise.race([all, delay(clock, 2 * PATIENCE_MS, given.signal).catch(() => {})]);
    given.abort();
    watching.ready = true;
    void this.#look(watching).catch(() => {});
  }

  /** Follows those that it does not follow yet, and leaves those that are gone. */
  #meet(watching: Watching, others: readonly string[]): void {
    for (const id of others) {
      if (watching.peers.has(id)) continue;
      const peer: Peer = {
        cursor: watching.from,
        since: undefined,
        waitedFor: true,
        caughtUp: Promise.withResolvers<void>(),
      };
      watching.peers.set(id, peer);
      watching.merge.follow(id, watching.from);
      void this.#follow(watching, id, peer).catch(() => {});
    }
    for (const [id, peer] of watching.peers) {
      if (others.includes(id)) continue;
      watching.peers.delete(id);
      watching.merge.leave(id);
      peer.caughtUp.resolve();
    }
  }

  async #look(watching: Watching): Promise<void> {
    const { clock, peers } = this.#o;
    for (;;) {
      await delay(clock, LOOK_MS, watching.over.signal);
      const others = await peers.others();
      if (watching.over.signal.aborted) return;
      this.#meet(watching, others);
    }
  }

  async #follow(watching: Watching, id: string, peer: Peer): Promise<void> {
    const { clock, ids, peers, levels } = this.#o;
    const goesOn = () => !watching.over.signal.aborted && watching.peers.get(id) === peer;
    while (goesOn()) {
      let more = false;
      try {
        const page = await peers.ask(id, { after: peer.cursor, now: ids.next(), levels: levels() });
        if (!goesOn()) return;
        this.#take(watching, id, peer, page);
        more = page.more;
      } catch {
        if (!goesOn()) return;
        peer.since ??= clock.now();
        if (clock.now() - peer.since >= PATIENCE_MS && peer.waitedFor) {
          peer.waitedFor = false;
          watching.merge.leave(id);
          peer.caughtUp.resolve();
        }
      }
      if (!more) await delay(clock, POLL_MS, watching.over.signal);
    }
  }

  #take({ merge, from }: Watching, id: string, peer: Peer, page: EventPage): void {
    const { ids, leveled, noticed, missing } = this.#o;
    const isFirst = peer.cursor === from;
    ids.after(page.until);
    peer.since = undefined;
    peer.waitedFor = true;
    if (page.floor > peer.cursor) missing(page.floor);
    merge.add(
      id,
      page.events.map(({ event, conversationId }) => new LiveEvent(event, conversationId)),
      page.until,
    );
    peer.cursor = page.until;
    for (const levels of page.levels) leveled(levels);
    // What is no call's is told as it happens, and never again.
    if (!isFirst) for (const message of page.notices) noticed(message);
    if (!page.more) peer.caughtUp.resolve();
  }

  /** Asks for nothing but the time. */
  async #compare(): Promise<void> {
    const { clock, ids, peers } = this.#o;
    for (let wait = COMPARE_FIRST_MS; ; wait = COMPARE_MS) {
      await delay(clock, wait, this.#closed.signal);
      for (const id of this.#watching === undefined ? await peers.others() : []) {
        const now = ids.next();
        await peers.ask(id, { after: MAX_ID, now, levels: false }).then(
          ({ until }) => ids.after(until),
          () => {},
        );
      }
    }
  }
}

/** Sorts behind every event: nothing is told of. */
const MAX_ID = 'z'.repeat(9);
