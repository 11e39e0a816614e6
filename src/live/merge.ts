import type { LiveEvent } from './ring.ts';

/**
 * Puts the events of several instances into one order, that of their ids: an event is told on when every instance has said that it has none that sorts
 * before. So a reader's place in all of it is one id, whichever instance he comes back to. What an instance tells when nobody waited for it any more is
 * told on at once, as `late`: it is news all the same, but no place to come back to. Pure.
 */
export class EventMerge {
  readonly #told: (event: LiveEvent, late: boolean) => void;
  /** Of each instance that is waited for, up to where it told all. */
  readonly #marks = new Map<string, string>();
  #waiting: LiveEvent[] = [];
  /** Everything up to here was told on. */
  #upTo: string;

  /** `from`: what came up to this id is none of its matter. */
  constructor(from: string, told: (event: LiveEvent, late: boolean) => void) {
    this.#upTo = from;
    this.#told = told;
  }

  /** From now on this instance is waited for; up to `mark` it has told all. */
  follow(instance: string, mark: string): void {
    this.#marks.set(instance, mark);
  }

  /** It is not waited for any more, until it is heard again. */
  leave(instance: string): void {
    if (this.#marks.delete(instance)) this.#tell();
  }

  /** An event of this process; it sorts behind every mark that was given before. */
  own(event: LiveEvent): void {
    this.#waiting.push(event);
    this.#tell();
  }

  /** An instance tells what it had, which is all up to `until`. */
  add(instance: string, events: readonly LiveEvent[], until: string): void {
    for (const event of events) {
      if (event.event.id > this.#upTo) this.#waiting.push(event);
      else this.#told(event, true);
    }
    this.#marks.set(instance, until);
    this.#tell();
  }

  #tell(): void {
    if (this.#marks.size === 0) {
      const all = this.#waiting;
      this.#waiting = [];
      this.#pass(all);
      return;
    }
    let safe: string | undefined;
    for (const mark of this.#marks.values()) if (safe === undefined || mark < safe) safe = mark;
    if (safe === undefined || safe <= this.#upTo) return;
    const upTo = safe;
    const ready = this.#waiting.filter(({ event }) => event.id <= upTo);
    if (ready.length > 0) this.#waiting = this.#waiting.filter(({ event }) => event.id > upTo);
    this.#pass(ready);
    this.#upTo = upTo;
  }

  #pass(events: LiveEvent[]): void {
    if (events.length > 1) events.sort((a, b) => (a.event.id < b.event.id ? -1 : 1));
    for (const event of events) {
      if (event.event.id > this.#upTo) this.#upTo = event.event.id;
      this.#told(event, false);
    }
  }
}
