import type { Clock, Timer } from '../../src/call/clock.ts';

/** A clock that moves only when told to. Timers fire in order of time, then of creation. */
export class FakeClock implements Clock {
  #now = 0;
  #sequence = 0;
  #timers: Array<{ at: number; order: number; fn: () => void }> = [];
  readonly wallOrigin: number;

  constructor(wallOrigin = 1_700_000_000_000) {
    this.wallOrigin = wallOrigin;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.wallOrigin + this.#now;
  }

  after(ms: number, fn: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, ms), order: this.#sequence++, fn };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((t) => t !== entry);
      },
    };
  }

  /** Number of timers still pending: zero when everything was freed. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time forward, firing what falls due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== due);
      this.#now = Math.max(this.#now, due.at);
      due.fn();
    }
    this.#now = end;
  }

  /** As `advance`, in steps, letting promise callbacks run between them. */
  async advanceAsync(ms: number, step = 10): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.advance(Math.min(step, left));
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
  }

  /** Jumps without firing timers on the way, as a stalled event loop does; what fell due fires at the end. */
  stall(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }
}
