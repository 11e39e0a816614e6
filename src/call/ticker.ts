import type { Clock, Timer } from './clock.ts';
import { Worst } from './worst.ts';

/** Milliseconds between ticks: one telephone frame. */
export const TICK_MS = 20;
/** Ticks between two looks of who subscribes slowly. */
const SLOW_TICKS = 5;
/** Milliseconds between two looks of who subscribes slowly. */
export const LOOK_MS = SLOW_TICKS * TICK_MS;
/** Timers are late by a millisecond or two without any stall. */
const LATE_MS = 3;

/**
 * One media clock for all calls of a process. It aims at an ideal grid (start + n x 20 ms), so an error never adds up as it does with
 * `setInterval` (measured: 1.3 s lost in 8 s at 70 % load). After a stall it ticks once, not once per missed slot: a subscriber asks
 * the clock how much is due and does all of it.
 */
export class Ticker {
  /** By how much ticks came late within ten minutes, ms: what every call of the process was late by. */
  readonly stalls = new Worst();
  readonly #clock: Clock;
  readonly #subscribers = new Set<(now: number) => void>();
  /** Those who subscribed slowly, one part of them for each of five ticks. */
  readonly #slow = Array.from({ length: SLOW_TICKS }, () => new Set<(now: number) => void>());
  #ticks = 0;
  #joined = 0;
  #timer: Timer | undefined;
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fn(now)` on every tick until the returned function is called. `fn` must not throw. */
  subscribe(fn: (now: number) => void): () => void {
    return this.#join(this.#subscribers, fn);
  }

  /** Calls `fn(now)` on every fifth tick, for what watches over seconds. `fn` must not throw. */
  subscribeSlowly(fn: (now: number) => void): () => void {
    return this.#join(this.#slow[this.#joined++ % SLOW_TICKS]!, fn);
  }

  #join(subscribers: Set<(now: number) => void>, fn: (now: number) => void): () => void {
    subscribers.add(fn);
    if (this.#timer === undefined) {
      this.#next = this.#clock.now() + TICK_MS;
      this.#schedule();
    }
    return () => {
      subscribers.delete(fn);
      if (this.size === 0) {
        this.#timer?.cancel();
        this.#timer = undefined;
      }
    };
  }

  /** How many are subscribed: zero when every call has freed what it held. */
  get size(): number {
    let size = this.#subscribers.size;
    for (const subscribers of this.#slow) size += subscribers.size;
    return size;
  }

  #schedule(): void {
    this.#timer = this.#clock.after(Math.max(0, this.#next - this.#clock.now()), this.#tick);
  }

  readonly #tick = (): void => {
    const now = this.#clock.now();
    if (now - this.#next >= LATE_MS) this.stalls.note(now - this.#next, now);
    for (const fn of this.#subscribers) fn(now);
    for (const fn of this.#slow[this.#ticks++ % SLOW_TICKS]!) fn(now);
    if (this.size === 0) return;
    this.#next += TICK_MS;
    // Slots that a stall ran over are gone; the grid itself stays where it was.
    const after = this.#clock.now();
    if (this.#next <= after) this.#next += Math.ceil((after - this.#next) / TICK_MS) * TICK_MS;
    this.#schedule();
  };
}
