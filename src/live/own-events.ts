import type { Clock, Timer } from '../call/clock.ts';
import type { EventIds } from '../records/event.ts';
import type { LevelMeters, Levels } from './levels.ts';
import type { EventPage, EventQuestion } from './peers.ts';
import { EventRing, type LiveEvent, type RingLimits } from './ring.ts';

export interface OwnEventsOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly ids: Pick<EventIds, 'next' | 'after'>;
  readonly keep: RingLimits;
  readonly levels: Pick<LevelMeters, 'watch'>;
}

/** Events in one answer. */
const PAGE = 500;
const NOTICES_MOST = 100;
/** Levels are measured for so long after they were asked for last, ms. */
const LEVELS_MS = 1_500;

/** What happened in the calls of this instance, for the others to ask for. */
export class OwnEvents {
  readonly #o: OwnEventsOptions;
  readonly #ring: EventRing;
  #notices: Array<{ readonly id: string; readonly message: string }> = [];
  readonly #levels = new Map<string, Levels>();
  #stopLevels: (() => void) | undefined;
  #levelsOver: Timer | undefined;

  constructor(options: OwnEventsOptions) {
    this.#o = options;
    this.#ring = new EventRing(options.keep, options.ids.next());
  }

  push(event: LiveEvent): void {
    this.#ring.push(event);
  }

  /** Those behind this id, the oldest first. */
  after(id: string): readonly LiveEvent[] {
    return this.#ring.after(id, Number.POSITIVE_INFINITY);
  }

  get floor(): string {
    return this.#ring.floor;
  }

  notice(message: string): void {
    this.#notices.push({ id: this.#o.ids.next(), message });
    if (this.#notices.length > NOTICES_MOST) this.#notices.shift();
  }

  forget(callIds: ReadonlySet<string>): void {
    this.#ring.forget(callIds);
  }

  answer({ after, now, levels }: EventQuestion): EventPage {
    const { ids } = this.#o;
    ids.after(now);
    if (levels) this.#measure();
    const events = this.#ring.after(after, PAGE);
    const more = events.length === PAGE;
    const measured = [...this.#levels.values()];
    this.#levels.clear();
    return {
      events: events.map(({ event, conversationId }) => ({ event, conversationId })),
      // Given in the same turn of the event loop, so that no event of ours comes between.
      until: more ? events[events.length - 1]!.event.id : ids.next(),
      floor: this.#ring.floor,
      more,
      levels: measured,
      notices: this.#notices.flatMap(({ id, message }) => (id > after ? [message] : [])),
    };
  }

  close(): void {
    this.#levelsOver?.cancel();
    this.#stopLevels?.();
    this.#stopLevels = undefined;
    this.#levels.clear();
  }

  #measure(): void {
    this.#levelsOver?.cancel();
    this.#levelsOver = this.#o.clock.after(LEVELS_MS, () => this.close());
    this.#stopLevels ??= this.#o.levels.watch((levels) => void this.#levels.set(levels.callId, levels));
  }
}
