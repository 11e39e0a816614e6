import { SampleQueue } from './sample-queue.ts';

/**
 * One side of a recording: finds out when each of its samples was really heard.
 *
 * What is known comes late and in steps: a packet that arrives now was spoken some unknown delay ago, an echo says now what was played some
 * unknown delay ago. But the delay is never negative. While audio runs without a break, the difference between the clock and the count of
 * samples is constant, so the smallest difference seen over the next half second is the true one, and what came with a larger one was only
 * late. A real pause makes all later differences larger. So a sample is placed when it is `window` old, by the smallest difference seen
 * since; bursts and jitter move nothing, pauses become silence, and two clocks that run apart are corrected where it is quiet.
 *
 * All times and lengths are in samples of the recording; times may have fractions.
 */

/** Where a lane puts what it has placed. */
export interface Track {
  /** Takes `count` samples from `queue` for the times from `at` on. */
  put(at: number, count: number, queue: SampleQueue): void;
}

/** Deviation from the true time that is left alone in speech, ms: correcting it would be heard. */
const LOOSE_MS = 25;
/** The same where it is quiet. */
const TIGHT_MS = 4;
/** Magnitude up to which a sample is quiet: about -50 dBFS. */
const QUIET = 100;
/** How late it may become known that the last of what there was has been heard, ms: nothing after it says so earlier. */
const TAIL_MS = 120;

interface Entry {
  /** All up to here was heard at this time, or before it. */
  time: number;
  /** Samples of the lane up to here, those left out not counted. */
  end: number;
  /** Samples heard since the entry before, and samples behind them that nobody will hear. */
  count: number;
  drop: number;
  /** Whether there was nothing more to be heard. */
  tail: boolean;
}

export class Lane {
  /** What was given and not yet placed: first what was heard, then what was not yet. */
  readonly queue = new SampleQueue();
  readonly #track: Track;
  readonly #window: number;
  readonly #loose: number;
  readonly #tight: number;
  readonly #tail: number;
  #entries: Entry[] = [];
  #first = 0;
  #end = 0;
  /** Samples in the queue that were heard, or will be dropped. */
  #known = 0;
  /** Where the next sample goes when it follows on the last. */
  #next: number | undefined;
  #lastTime = Number.NEGATIVE_INFINITY;

  /** `rate` in Hz; `windowMs`: how long a sample waits for better knowledge. */
  constructor(rate: number, windowMs: number, track: Track) {
    this.#track = track;
    this.#window = (windowMs * rate) / 1000;
    this.#loose = (LOOSE_MS * rate) / 1000;
    this.#tight = (TIGHT_MS * rate) / 1000;
    this.#tail = (TAIL_MS * rate) / 1000;
  }

  /** Samples in the queue of which it is known that they were heard, or that they never will be. */
  get known(): number {
    return this.#known;
  }

  /** When something was heard last. */
  get lastTime(): number {
    return this.#lastTime;
  }

  /** The next `count` samples were heard by `time`; `drop` more, behind them, will not be. `tail`: there is nothing more to be heard. */
  heard(count: number, time: number, drop = 0, tail = false): void {
    this.#end += count;
    this.#known += count + drop;
    this.#lastTime = time;
    this.#entries.push({ time, end: this.#end, count, drop, tail });
  }

  /** Places all that was heard before `until`. */
  settle(until: number): void {
    while (this.#first < this.#entries.length && this.#entries[this.#first]!.time <= until) this.#place();
    if (this.#first > 64) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  #place(): void {
    const { time, end, count, drop, tail } = this.#entries[this.#first]!;
    let offset = time - end;
    for (let i = this.#first + 1; i < this.#entries.length; i++) {
      const later = this.#entries[i]!;
      if (later.time > time + this.#window) break;
      offset = Math.min(offset, later.time - later.end);
    }
    this.#first++;
    this.#known -= count + drop;
    const at = Math.round(end - count + offset);
    const next = this.#next ?? at;
    const off = at - next;
    const bound = Math.abs(off) > this.#tight && this.#isQuiet(count) ? this.#tight : this.#loose;
    if (Math.abs(off) <= bound || (tail && off > 0 && off <= this.#tail && next > 0)) {
      this.#put(next, count);
    } else if (off > 0) {
      this.#put(at, count);
    } else {
      // It would lie over what is there already: the clocks ran apart.
      const cut = Math.min(count, -off);
      this.queue.drop(cut);
      this.#put(next, count - cut);
    }
    this.queue.drop(drop);
  }

  #put(at: number, count: number): void {
    this.#track.put(at, count, this.queue);
    this.#next = at + count;
  }

  #isQuiet(count: number): boolean {
    for (let i = 0; i < count; i++) if (this.queue.magnitude(i) > QUIET) return false;
    return true;
  }
}
