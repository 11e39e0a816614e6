/** What one media stream counts about itself. */

import { FAULTS, type Fault } from './bridge-message.ts';
import { Spread } from './spread.ts';

/** Frames sent later than this count as late: the phone's own process was held up, and its measurements are worth less. */
export const LATE_MS = 10;

/** Chunks further apart than this belong to different bouts of speech and say nothing about jitter, ms. */
const SAME_BOUT_MS = 1000;

/** Arrivals and marks kept one by one. */
const LOG_LIMIT = 20_000;

/** One message's arrival, ms since the call began. */
export interface Arrival {
  readonly atMs: number;
  /** Audio in it, ms. */
  readonly audioMs: number;
}

export interface ClearReport {
  readonly atMs: number;
  /** Audio dropped unheard, ms. */
  readonly droppedMs: number;
  /** Marks it returned. */
  readonly marks: number;
}

export class StreamStats {
  framesSent = 0;
  framesLate = 0;
  framesDropped = 0;
  maxLateMs = 0;
  messages = 0;
  receivedMs = 0;
  overflowMs = 0;
  clearedMs = 0;
  unheardMs = 0;
  marksReceived = 0;
  marksPlayed = 0;
  marksCleared = 0;
  faultCount = 0;
  pressed = '';
  digitsReceived = '';
  jitterMs = 0;
  readonly faults = Object.fromEntries(FAULTS.map((name) => [name, 0])) as Record<Fault, number>;
  readonly clears: ClearReport[] = [];
  readonly arrivals: Arrival[] = [];
  readonly spacing = new Spread();
  readonly markLateness = new Spread();
  readonly #keepArrivals: boolean;
  #lastArrival = Number.NEGATIVE_INFINITY;
  #lastAudioMs = 0;

  constructor(keepArrivals: boolean) {
    this.#keepArrivals = keepArrivals;
  }

  frameSent(lateMs: number): void {
    this.framesSent++;
    if (lateMs > LATE_MS) this.framesLate++;
    if (lateMs > this.maxLateMs) this.maxLateMs = lateMs;
  }

  /** A media message with `audioMs` arrived at `atMs` (since the call began). */
  arrived(atMs: number, audioMs: number): void {
    this.messages++;
    this.receivedMs += audioMs;
    const spacing = atMs - this.#lastArrival;
    if (spacing < SAME_BOUT_MS) {
      this.spacing.add(spacing);
      this.jitterMs += (Math.abs(spacing - this.#lastAudioMs) - this.jitterMs) / 16;
    }
    this.#lastArrival = atMs;
    this.#lastAudioMs = audioMs;
    if (this.#keepArrivals && this.arrivals.length < LOG_LIMIT) this.arrivals.push({ atMs, audioMs });
  }

  cleared(clear: ClearReport): void {
    this.clearedMs += clear.droppedMs;
    if (this.clears.length < LOG_LIMIT) this.clears.push(clear);
  }

  fault(name: Fault): void {
    this.faultCount++;
    this.faults[name]++;
  }
}
