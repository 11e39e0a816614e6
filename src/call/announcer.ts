import type { Clock } from './clock.ts';
import type { AgentEvent } from './events.ts';
import { Notice } from './notice.ts';
import type { Announcement, CallTap } from './tap.ts';

/** How often a notice is asked for: whoever speaks over it three times does not want to hear it. */
const ASKS = 3;

export interface AnnouncerOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Has the agent say these words before all else that it has to say; false where it cannot be asked for words. */
  readonly ask: (words: string) => boolean;
  /** Whether the agent has the caller now: what it is asked for else is heard by nobody. */
  readonly may: () => boolean;
  /** Position behind all that was sent to the caller, ms. */
  readonly writtenMs: () => number;
}

interface Waiting extends Announcement {
  /** By the clock; it is given up then. */
  readonly until: number;
  /** The call ended before. */
  readonly ended?: () => void;
}

/**
 * What the caller has to be told before something is done with the call: one notice after the other, each asked for until it was heard to its end, as often as
 * is decent. It follows what is played as a tap, and stands behind the call's other taps, so that those have had the notice's own end when it is told heard.
 */
export class Announcer implements CallTap {
  readonly hearing = false;
  readonly #o: AnnouncerOptions;
  readonly #waiting: Waiting[] = [];
  #notice: Notice | undefined;
  #asks = 0;
  #over = false;

  constructor(options: AnnouncerOptions) {
    this.#o = options;
  }

  /** Has the caller told. `heard` or `givenUp` is called once, unless the call ends before. */
  announce(announcement: Announcement): void {
    this.#add(announcement);
  }

  /** Has the caller told, and resolves when he has heard it: false where he has not within this time, ms, or cannot be told. */
  told(words: string, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#over) resolve(false);
      const done = (heard: boolean) => () => resolve(heard);
      this.#add({ words, withinMs, heard: done(true), givenUp: done(false) }, done(false));
    });
  }

  #add(announcement: Announcement, ended?: () => void): void {
    if (this.#over) return;
    const until = this.#o.clock.now() + (announcement.withinMs ?? Number.POSITIVE_INFINITY);
    this.#waiting.push({ ...announcement, until, ...(ended === undefined ? {} : { ended }) });
    if (this.#waiting.length === 1) this.#next();
  }

  /** Every event of the agent's passes here. */
  onAgent(event: AgentEvent): void {
    this.#notice?.onAgent(event);
  }

  caller(): void {}

  agent(): void {}

  cleared(playedMs: number): void {
    this.#notice?.cleared(playedMs);
  }

  get ticking(): boolean {
    return this.#waiting.length > 0;
  }

  tick(playedMs: number, now: number): void {
    this.#notice?.tick(playedMs);
    this.#look();
    for (const late of this.#waiting.filter(({ until }) => now >= until)) this.#done(late, 'givenUp');
  }

  ended(): void {
    this.#over = true;
    for (const { ended } of this.#waiting.splice(0)) ended?.();
    this.#notice = undefined;
  }

  #next(): void {
    this.#notice = undefined;
    this.#asks = 0;
    this.#look();
  }

  /** What is to be done about the first of them. */
  #look(): void {
    const first = this.#waiting[0];
    if (first === undefined || this.#over) return;
    const state = this.#notice?.state ?? 'missed';
    if (state === 'heard') this.#done(first, 'heard');
    else if (state === 'missed' && this.#asks >= ASKS) this.#done(first, 'givenUp');
    else if (state === 'missed' && this.#o.may()) this.#ask(first);
  }

  #ask(first: Waiting): void {
    this.#asks++;
    this.#notice ??= new Notice(first.words, this.#o.writtenMs);
    this.#notice.asked();
    if (!this.#o.ask(first.words)) this.#done(first, 'givenUp');
  }

  #done(one: Waiting, how: 'heard' | 'givenUp'): void {
    const at = this.#waiting.indexOf(one);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    // First: whoever is told may announce the next.
    if (at === 0) this.#next();
    one[how]();
  }
}
