import { Worst } from '../../call/worst.ts';
import type { PhoneLegOptions } from './options.ts';

/** A stall began up to a tick before the one that it held up: it is longer by so much than that was late, ms. */
const TICK_GRAIN_MS = 20;
/** An echo is late by up to a frame of the carrier's without any jitter, ms. */
const ECHO_GRAIN_MS = 20;
/** A carrier that answers marks in batches tells nothing of its network, and no answer shall wait for its habits longer than this, ms. */
const ECHO_MOST_MS = 150;

/** The most that may be in front of a live source, here and at the carrier, ms. */
export function cushionMostMs({ cushionMs, chunkMs }: PhoneLegOptions): number {
  return withRoom(cushionMs, chunkMs);
}

/**
 * While a chunk gathers here the carrier has that much less, so a cushion is that much larger than what must remain of it. Live audio comes in pieces of
 * 10 ms, so that 10 ms less than a chunk gather; the rest is room for the grain of timers.
 */
function withRoom(cushionMs: number, chunkMs: number): number {
  return cushionMs === 0 ? 0 : cushionMs + chunkMs;
}

/**
 * How much silence a live source needs in front of it: as much as its audio was late within ten minutes, whether the process stalled, the
 * source did, or the network to the carrier. Every millisecond of it is delay before each answer, so it is small where nothing was ever late.
 */
export class Cushion {
  readonly #o: Pick<PhoneLegOptions, 'cushionMs' | 'cushionLeastMs' | 'chunkMs'>;
  /** What was late in this call. */
  readonly #own = new Worst();
  /** What the whole process was late by. */
  #process: Worst | undefined;
  /** Of this run of speech: when it began, what came of it, and the least that any of it was late by: its true time. */
  #startedAt = 0;
  #cameMs = 0;
  #least = 0;

  constructor(options: Pick<PhoneLegOptions, 'cushionMs' | 'cushionLeastMs' | 'chunkMs'>) {
    this.#o = options;
  }

  /** Heeds the stalls of the process from now on. */
  heed(stalls: Worst): void {
    this.#process = stalls;
  }

  /** Audio to be in front of the next word, here and at the carrier, ms. */
  targetMs(now: number): number {
    const { cushionMs, cushionLeastMs, chunkMs } = this.#o;
    const stall = this.#process?.at(now) ?? 0;
    const late = Math.max(this.#own.at(now), stall === 0 ? 0 : stall + TICK_GRAIN_MS);
    return withRoom(Math.min(cushionMs, Math.max(cushionLeastMs, late)), chunkMs);
  }

  /** The source begins to speak now. */
  begin(now: number): void {
    this.#startedAt = now;
    this.#cameMs = 0;
    this.#least = 0;
  }

  /** `ms` of its audio came now, silence between words too. */
  came(ms: number, now: number): void {
    const late = now - this.#startedAt - this.#cameMs;
    this.#cameMs += ms;
    if (late < this.#least) this.#least = late;
    // Whatever is later than any cushion has paused: it is another run of speech.
    else if (late - this.#least > this.#o.cushionMs) this.begin(now);
    else if (late > this.#least) this.#own.note(late - this.#least, now);
  }

  /** The carrier's word of what it played came so much later than the soonest of the last ones, ms. */
  echoed(lateMs: number, now: number): void {
    if (lateMs > ECHO_GRAIN_MS) this.#own.note(Math.min(lateMs - ECHO_GRAIN_MS, ECHO_MOST_MS), now);
  }
}
