import type { Clock, Timer } from '../../call/clock.ts';
import type { LinkStats, RoomLink } from '../../transport/room-link.ts';

/** How soon the way is looked at again when nothing seems to be sent, ms. */
const LOOK_AGAIN_MS = 2_000;
/** How long the library may take to say how the way is, ms: of other questions it misses the answer now and then (`room-talk.ts`). */
const ANSWER_MS = 10_000;

export interface WayWatchInit {
  readonly clock: Clock;
  /** How often the way is looked at, ms. */
  readonly everyMs: number;
  /** The link as it is now; undefined while there is none to look at. */
  link(): RoomLink | undefined;
  seen(stats: LinkStats): void;
  /** Something was sent since the look before. */
  moves(): void;
  /** Twice nothing was sent, although silence is sent too. */
  stands(): void;
  /** The library did not say in time how the way is. */
  unanswered(): void;
}

/** Looks at the way now and then: for the record, and whether the agent's track moves. */
export class WayWatch {
  readonly #o: WayWatchInit;
  #timer: Timer | undefined;
  #link: RoomLink | undefined;
  #sent = -1;

  constructor(init: WayWatchInit) {
    this.#o = init;
  }

  /** `soon`: the first look is not to be waited for. */
  start(soon = false): void {
    this.stop();
    this.#look(soon ? LOOK_AGAIN_MS : this.#o.everyMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#link = undefined;
  }

  #look(afterMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#o.clock.after(afterMs, () => {
      const link = this.#o.link();
      if (link === undefined) return;
      // Another link counts from nothing.
      const before = link === this.#link ? this.#sent : -1;
      this.#link = link;
      let isLate = false;
      this.#timer = this.#o.clock.after(ANSWER_MS, () => {
        isLate = true;
        this.#look(this.#o.everyMs);
        this.#o.unanswered();
      });
      link.stats().then(
        (stats) => {
          if (isLate || this.#link !== link || this.#o.link() !== link) return;
          this.#sent = stats.packetsSent;
          const stands = stats.packetsSent === before;
          this.#look(stands && afterMs !== LOOK_AGAIN_MS ? LOOK_AGAIN_MS : this.#o.everyMs);
          this.#o.seen(stats);
          if (stands && afterMs === LOOK_AGAIN_MS) this.#o.stands();
          else if (!stands && before >= 0) this.#o.moves();
        },
        () => {
          if (!isLate && this.#link === link) this.#look(this.#o.everyMs);
        },
      );
    });
  }
}
