import { memoryUsage } from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { Clock, Timer } from '../call/clock.ts';

/**
 * How full the memory is that the process may have. A process that runs out of it is ended from outside, and every call with it; one that
 * takes no more callers in time keeps those it has.
 */

/** Bytes used and allowed, of V8's heap and of the whole process. */
export interface MemoryReading {
  readonly heapUsed: number;
  /** What V8 may use: `--max-old-space-size`, or its own choice. */
  readonly heapLimit: number;
  readonly rss: number;
  /** What the container may use; 0 where nothing limits it. */
  readonly rssLimit: number;
}

const LOOK_MS = 1_000;
/** Looks that are judged together. Their least is what no garbage collection took away: the heap grows between two of them, and that is no want. */
const LOOKS = 10;

/** The process's own. https://nodejs.org/api/process.html#processconstrainedmemory gives 0, or more than there can be, without a limit. */
export function processMemory(): MemoryReading {
  const { used_heap_size: heapUsed, heap_size_limit: heapLimit } = getHeapStatistics();
  const limit = process.constrainedMemory();
  return { heapUsed, heapLimit, rss: memoryUsage.rss(), rssLimit: limit < 2 ** 50 ? limit : 0 };
}

/** The fuller of the two, as a share of 1. */
function shareOf({ heapUsed, heapLimit, rss, rssLimit }: MemoryReading): number {
  return Math.max(heapUsed / heapLimit, rssLimit > 0 ? rss / rssLimit : 0);
}

export class MemoryWatch {
  readonly #clock: Clock;
  readonly #read: () => MemoryReading;
  #recent: number[];
  #timer: Timer | undefined;

  constructor(clock: Clock, read: () => MemoryReading = processMemory) {
    this.#clock = clock;
    this.#read = read;
    this.#recent = [shareOf(read())];
    this.#next();
  }

  /** How full it is, percent: the least of the last ten seconds. What admission goes by. */
  get usedPercent(): number {
    return Math.min(...this.#recent) * 100;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #next(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#recent = [...this.#recent, shareOf(this.#read())].slice(-LOOKS);
      this.#next();
    });
  }
}
