import { TICK_MS } from '../../call/ticker.ts';

/** A frame that leaves later than this behind its time is late, ms: one frame. */
const LATE_MS = TICK_MS;
/** Timers are late by so much without any stall, ms. */
const TIMER_MS = 5;
/** Most stalls that are written down of a call; what comes later is counted all the same. */
const MOST_STALLS = 1_000;

/** How well a caller kept its own time. Its frames are what an agent's latency is counted from: where they were late, so is what is measured. */
export interface PaceReport {
  /** Frames of 20 ms that left, and those that left more than one frame's length behind their time. */
  readonly frames: number;
  readonly late: number;
  /** Of the late ones, those that would have left in time had this process been given the processor: the machine was busy with others. */
  readonly starved: number;
  /** The most that a frame was late, ms. */
  readonly worstMs: number;
  /** The same without what the process waited for the processor, ms: what was our own doing. */
  readonly worstOwnMs: number;
}

/** A moment at which frames were late. */
export interface Stall {
  /** Sample of the tape at which the first of them left. */
  readonly at: number;
  /** By how much it was late. */
  readonly ms: number;
}

/** Processor time of the calling thread since it began, ms. */
const threadCpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/**
 * Watches by how much a caller's frames leave behind their time, and why. A thread that was busy has used the processor meanwhile, one that only waited for it has
 * not: that is how a stall of our own is told from one of the machine.
 */
export class OwnPace {
  readonly stalls: Stall[] = [];
  readonly #cpuMs: () => number;
  #frames = 0;
  #late = 0;
  #starved = 0;
  #worstMs = 0;
  #worstOwnMs = 0;
  /** The last tick but one, and the last: frames of a tick are late by what happened since the tick before. */
  #before: { readonly at: number; readonly cpuMs: number } | undefined;
  #last: { readonly at: number; readonly cpuMs: number } | undefined;
  #isStalled = false;

  /** `cpuMs`: processor time that this thread has used. */
  constructor(cpuMs: () => number = threadCpuMs) {
    this.#cpuMs = cpuMs;
  }

  /** A tick begins, with all frames that are due. */
  tick(now: number): void {
    this.#before = this.#last;
    this.#last = { at: now, cpuMs: this.#cpuMs() };
    this.#isStalled = false;
  }

  /** A frame of this tick leaves at `now`, which was due at `due`; `at`: where the tape is. */
  frame(now: number, due: number, at: number): void {
    this.#frames++;
    const late = now - due;
    this.#worstMs = Math.max(this.#worstMs, late);
    const own = late <= TIMER_MS ? late : Math.max(0, late - this.#waited(now));
    this.#worstOwnMs = Math.max(this.#worstOwnMs, own);
    if (late <= LATE_MS) return;
    this.#late++;
    if (own <= LATE_MS) this.#starved++;
    // The first of those that leave together is the latest.
    if (!this.#isStalled && this.stalls.length < MOST_STALLS) this.stalls.push({ at, ms: late });
    this.#isStalled = true;
  }

  /**
   * By how much what comes in at `now` may have waited for this process, ms: by how much its last tick was late, or the next one is by now, since after a stall what came
   * is read before timers are looked at.
   */
  waitedMs(now: number): number {
    const last = this.#last?.at ?? now;
    return Math.max(0, last - (this.#before?.at ?? last) - TICK_MS, now - last - TICK_MS);
  }

  report(): PaceReport {
    const rounded = (ms: number) => Math.round(Math.max(0, ms) * 10) / 10;
    return {
      frames: this.#frames,
      late: this.#late,
      starved: this.#starved,
      worstMs: rounded(this.#worstMs),
      worstOwnMs: rounded(this.#worstOwnMs),
    };
  }

  /** For how long since the tick before the process wanted the processor and had not got it, ms. */
  #waited(now: number): number {
    const tick = this.#last ?? { at: now, cpuMs: 0 };
    const before = this.#before ?? tick;
    // Between two ticks it slept as well, and waited for nothing; within one it does not sleep.
    const stood = Math.max(0, tick.at - before.at - Math.max(tick.cpuMs - before.cpuMs, TICK_MS));
    const since = now - tick.at;
    // Behind a stall of the machine's all that is due is done at once, for all calls: what that takes is the stall's.
    return stood > LATE_MS ? stood + since : stood + Math.max(0, since - (this.#cpuMs() - tick.cpuMs));
  }
}
