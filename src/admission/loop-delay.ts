import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from '../call/clock.ts';

/** How late the event loop was within one window, ms. */
export interface DelayWindow {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What is asked each window how late the loop was since the last time. */
export interface DelaySource {
  take(): DelayWindow;
  close(): void;
}

/** How often the loop is asked for its time, ms: of the 200 answers of a second the 99th percentile leaves out the worst two. */
const RESOLUTION_MS = 5;
const WINDOW_MS = 1_000;
/** Windows that are judged together. Their median is not moved by single stalls, however long: a garbage collection, the load of a library. */
const WINDOWS = 10;
/** It is well again below this part of a limit: at the limit itself every second call would be refused. */
const RECOVERED = 0.8;
/** Kept up for ten seconds it is told to the operator, ms: one telephone frame, and long before it is heard. */
export const ALARM_MS = 20;

/**
 * Whether the loop is late by a limit, given whether it was: it becomes so when the delay was above it in each of ten seconds, and is well
 * again when it is well below in most of them.
 */
export function isLate(delayMs: (late: boolean) => number, limitMs: number, was: boolean): boolean {
  return delayMs(was) > limitMs * (was ? RECOVERED : 1);
}

/** Node's own measure. It records the time between two of its timers, so an idle loop shows the resolution itself; that is taken off. */
export function eventLoopSource(): DelaySource {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const late = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  return {
    take() {
      // A histogram without a sample: the whole window went by in one stall that is not over for it.
      const some = histogram.count > 0;
      const window = {
        p50: some ? late(histogram.percentile(50)) : 0,
        p99: some ? late(histogram.percentile(99)) : 0,
        max: some ? late(histogram.max) : 0,
      };
      histogram.reset();
      return window;
    },
    close: () => histogram.disable(),
  };
}

/** How late the event loop is: of the last second, and over ten. */
export class LoopDelay {
  readonly #clock: Clock;
  readonly #source: DelaySource;
  #timer: Timer | undefined;
  #last: DelayWindow = { p50: 0, p99: 0, max: 0 };
  /** The 99th percentiles of the last windows, the newest last. */
  #recent: readonly number[] = Array<number>(WINDOWS).fill(0);
  #smoothed = 0;
  #sustained = 0;
  #late = false;
  readonly #alarm: (late: boolean, ms: number) => void;

  /** `alarm` is told when the loop is late by more than 20 ms for ten seconds, and when it is well again. */
  constructor(
    clock: Clock,
    alarm: (late: boolean, ms: number) => void = () => {},
    source: DelaySource = eventLoopSource(),
  ) {
    this.#clock = clock;
    this.#alarm = alarm;
    this.#source = source;
    this.#next();
  }

  /** The last whole second. */
  get last(): DelayWindow {
    return this.#last;
  }

  /** The median of the last ten seconds' 99th percentiles, ms. */
  get smoothedMs(): number {
    return this.#smoothed;
  }

  /** The least of them, ms: the delay that was kept up for ten seconds, which no short spike moves. */
  get sustainedMs(): number {
    return this.#sustained;
  }

  /** What `isLate` goes by. */
  readonly delayMs = (late: boolean): number => (late ? this.#smoothed : this.#sustained);

  close(): void {
    this.#timer?.cancel();
    this.#source.close();
  }

  #next(): void {
    this.#timer = this.#clock.after(WINDOW_MS, () => {
      this.#last = this.#source.take();
      this.#recent = [...this.#recent.slice(1), this.#last.p99];
      const sorted = this.#recent.toSorted((a, b) => a - b);
      this.#sustained = sorted[0] ?? 0;
      this.#smoothed = sorted[WINDOWS / 2] ?? 0;
      const late = isLate(this.delayMs, ALARM_MS, this.#late);
      if (late !== this.#late) this.#alarm(late, this.#smoothed);
      this.#late = late;
      this.#next();
    });
  }
}
