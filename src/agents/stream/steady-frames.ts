import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { TICK_MS } from '../../call/ticker.ts';
import { Framer } from '../../media/framer.ts';

/** A stream may lag so far behind the clock before the gap is filled, ms: three telephone frames of jitter. */
const GAP_MS = 60;
/** It may be so far ahead of the clock, ms, whatever burst it came in: a gap after the burst is a gap. */
const AHEAD_MS = 40;

export interface SteadyFramesOptions {
  /** Hz. */
  readonly sampleRate: number;
  /** Length of the frames, ms. */
  readonly frameMs: number;
  readonly clock: Pick<Clock, 'now'>;
  /** `ms_uplink_silence` is counted. */
  readonly count: Count;
  /** Takes one frame; borrowed. */
  readonly push: (frame: Int16Array) => void;
}

/**
 * The caller's audio as a far end wants it that listens to a stream: in frames of one length, and with silence where nothing comes, because a voice
 * activity detector that is fed nothing never finds the end of a turn. What comes is passed on at once, also in a burst.
 */
export class SteadyFrames {
  readonly #o: SteadyFramesOptions;
  readonly #framer: Framer;
  readonly #silence: Int16Array;
  /** Up to when the stream has been fed, ms of the clock; undefined before the first tick or write. */
  #until: number | undefined;
  #lastTick: number | undefined;

  constructor(options: SteadyFramesOptions) {
    this.#o = options;
    this.#framer = new Framer((options.sampleRate * options.frameMs) / 1000);
    this.#silence = new Int16Array(this.#framer.frameSamples);
  }

  write(samples: Int16Array): void {
    const now = this.#o.clock.now();
    const ms = (samples.length * 1000) / this.#o.sampleRate;
    this.#until = Math.min(Math.max(this.#until ?? now, now - GAP_MS) + ms, now + AHEAD_MS);
    this.#framer.push(samples, this.#o.push);
  }

  /** To be called every 20 ms. */
  tick(now: number): void {
    const elapsed = now - (this.#lastTick ?? now);
    this.#lastTick = now;
    this.#until ??= now;
    // After a standstill of this process what was sent in the meantime is read after the timers: no gap yet.
    if (elapsed > 2 * TICK_MS || now - this.#until <= GAP_MS) return;
    this.#until = Math.max(this.#until, now - GAP_MS - TICK_MS);
    // A frame that was begun is filled up, so that its audio does not wait for the gap's end.
    this.#framer.flush(true, this.#o.push);
    const { frameMs } = this.#o;
    for (; this.#until + frameMs <= now; this.#until += frameMs) {
      this.#o.push(this.#silence);
      this.#o.count('ms_uplink_silence', frameMs);
    }
  }

  /** Forgets a frame that was begun. */
  clear(): void {
    this.#framer.reset();
  }
}
