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

/** How often the loop is asked for its time, ms: one telephone frame. */
const RESOLUTION_MS = 20;
const WINDOW_MS = 1_000;
/** Windows that are judged together. Their median is not moved by single stalls, however long: a garbage collection, the load of a library. */
const WINDOWS = 10;

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

  constructor(clock: Clock, source: DelaySource = eventLoopSource()) {
    this.#clock = clock;
    this.#source = source;
    this.#next();
  }

  /** The last whole second. */
  get last(): DelayWindow {
    return this.#last;
  }

  /** The median of the last ten seconds' 99th percentiles, ms: what admission goes by. */
  get smoothedMs(): number {
    return this.#smoothed;
  }

  close(): void {
    this.#timer?.cancel();
    this.#source.close();
  }

  #next(): void {
    this.#timer = this.#clock.after(WINDOW_MS, () => {
      this.#last = this.#source.take();
      this.#recent = [...this.#recent.slice(1), this.#last.p99];
      this.#smoothed = this.#recent.toSorted((a, b) => a - b)[WINDOWS / 2] ?? 0;
      this.#next();
    });
  }
}
