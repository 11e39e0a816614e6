import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { TICK_MS } from '../../call/ticker.ts';
import { FrameQueue } from '../../media/frame-queue.ts';
import { sumOfSquares } from '../../media/level.ts';

/**
 * Caller audio on its way into an RTP stream. Audio that comes in time passes at once; a gap is filled with silence, so that the stream
 * never stands still; what comes faster than it can be heard waits here and goes at real time, because a far jitter buffer throws away
 * what arrives in a burst (RFC 3550 gives a receiver no other measure than the clock). The delay that waiting makes is won back by
 * leaving out silence, never speech.
 */

/** Audio in one pushed frame, ms: what libwebrtc takes at a time. */
const FRAME_MS = 10;

/** The stream may lag so far behind the clock before the gap counts as one, ms: three telephone frames of jitter. */
export const UPLINK_GAP_MS = 60;
/** The stream may run so far ahead of the clock, ms. */
export const UPLINK_AHEAD_MS = 60;
/** Backlog beyond this loses its oldest audio, ms. */
export const UPLINK_MAX_MS = 10_000;
/** Silence is left out while the stream is further ahead than this, ms: one telephone frame is only how audio arrives. */
const SKIP_AHEAD_MS = 25;
/** So much silence stays between two words when silence is left out, frames. */
const KEEP_FRAMES = 5;
/** Silence right before speech is kept, frames: the start of a word is softer than the word. */
const LEAD_FRAMES = 3;
/** A lag grows by the difference of the two clocks; forgiving 1 ms a second is ten times what crystals differ. */
const DRIFT = 0.001;

/** Frames are silent below the noise floor plus 6 dB, but never above -38 dBFS and always below -50 dBFS (mean squares of s16). */
const FLOOR_RATIO = 4;
const ALWAYS_SILENT = (32_768 * 10 ** (-50 / 20)) ** 2;
const NEVER_SILENT = (32_768 * 10 ** (-38 / 20)) ** 2;
/** The floor follows the quietest frames down at once and rises again by about 1 dB a second. */
const FLOOR_RISE = 1.0023;

export interface UplinkOptions {
  /** Hz of what is written and pushed. */
  readonly sampleRate: number;
  /** Takes 10 ms of samples from `offset`; must copy them before it returns. */
  push(samples: Int16Array, offset: number): void;
  readonly clock: Clock;
  /** `ms_uplink_silence` and `ms_uplink_dropped` are counted, in ms. */
  readonly count: Count;
}

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #perMs: number;
  readonly #queue: FrameQueue;
  /** The frame being assembled. */
  readonly #frame: Int16Array;
  readonly #silence: Int16Array;
  #filled = 0;
  /** The clock at which the stream began, moved when a lag is forgiven; undefined before the first tick or write. */
  #origin: number | undefined;
  #pushed = 0;
  #lastTick: number | undefined;
  #settleUntil = 0;
  /** No audio came for so long that silence goes instead. */
  #gap = false;
  /** Whether the caller was ever heard: before that silence is the normal state, not a fault to count. */
  #heard = false;
  #silentRun = 0;
  #floor = ALWAYS_SILENT;
  #skippedMs = 0;

  constructor(options: UplinkOptions) {
    const samples = (options.sampleRate * FRAME_MS) / 1000;
    this.#options = options;
    this.#perMs = options.sampleRate / 1000;
    this.#queue = new FrameQueue(samples, UPLINK_MAX_MS / FRAME_MS);
    this.#frame = new Int16Array(samples);
    this.#silence = new Int16Array(samples);
  }

  /** Audio that waits here, ms. */
  get queuedMs(): number {
    return this.#queue.length * FRAME_MS + this.#filled / this.#perMs;
  }

  /** Silence left out so far to win back delay, ms. */
  get skippedMs(): number {
    return this.#skippedMs;
  }

  /** Takes any number of samples. Borrowed during the call; never throws. */
  write(samples: Int16Array): void {
    const now = this.#options.clock.now();
    this.#heard = true;
    this.#gap = false;
    this.#forgive(now, UPLINK_GAP_MS);
    const frame = this.#frame;
    let at = 0;
    while (at < samples.length) {
      let filled = this.#filled;
      const end = Math.min(samples.length, at + frame.length - filled);
      while (at < end) frame[filled++] = samples[at++]!;
      this.#filled = filled === frame.length ? 0 : filled;
      if (filled === frame.length) this.#accept(now);
    }
    this.#drain(now);
  }

  /** To be called every 20 ms: sends what is due of the backlog, and silence where nothing came. */
  tick(now: number): void {
    const elapsed = now - (this.#lastTick ?? now);
    this.#lastTick = now;
    // After a standstill of this process the caller's audio sits in the sockets, which are read only after the timers: no gap yet.
    if (elapsed > 2 * TICK_MS) this.#settleUntil = now + TICK_MS;
    this.#origin ??= now;
    if (this.#queue.length > 0) this.#forgive(now, UPLINK_GAP_MS);
    this.#drain(now);
    if (now < this.#settleUntil || this.#queue.length > 0) return;
    const behind = -this.#aheadMs(now);
    if (behind > UPLINK_GAP_MS) this.#gap = true;
    if (this.#gap || !this.#heard) this.#fill(now);
    else if (behind > 0) this.#origin += Math.min(behind, elapsed * DRIFT);
  }

  /** Discards what was accepted but not sent. */
  clear(): void {
    this.#queue.clear();
    this.#filled = 0;
  }

  /** How far the stream is ahead of the clock, ms; negative when it lags. */
  #aheadMs(now: number): number {
    return this.#pushed / this.#perMs - (now - (this.#origin ?? now));
  }

  /** Gives up a lag too long to be made up for: the far end has long since gone on without that audio. */
  #forgive(now: number, limitMs: number): void {
    this.#origin ??= now;
    const behind = -this.#aheadMs(now);
    if (behind > limitMs) this.#origin += behind - TICK_MS;
  }

  /** The frame is full: sends it if it may go, else it waits behind the others. */
  #accept(now: number): void {
    const silent = this.#isSilent(this.#frame);
    if (this.#queue.length > 0 || this.#aheadMs(now) + FRAME_MS > UPLINK_AHEAD_MS) {
      if (this.#queue.push(this.#frame, silent)) this.#options.count('ms_uplink_dropped', FRAME_MS);
    } else if (silent && this.#silentRun >= KEEP_FRAMES && this.#aheadMs(now) > SKIP_AHEAD_MS) {
      this.#skippedMs += FRAME_MS;
    } else {
      this.#send(this.#frame, 0, silent);
    }
  }

  #drain(now: number): void {
    const queue = this.#queue;
    while (queue.length > 0) {
      const silent = queue.isSilent(0);
      if (silent && this.#silentRun >= KEEP_FRAMES && this.#aheadMs(now) > 0 && !this.#speechFollows()) {
        this.#skippedMs += FRAME_MS;
      } else if (this.#aheadMs(now) + FRAME_MS <= UPLINK_AHEAD_MS) {
        this.#send(queue.samples, queue.offset, silent);
      } else {
        return;
      }
      queue.shift();
    }
  }

  #speechFollows(): boolean {
    const end = Math.min(LEAD_FRAMES, this.#queue.length - 1);
    for (let i = 1; i <= end; i++) if (!this.#queue.isSilent(i)) return true;
    return false;
  }

  /** Brings the stream up to the clock with silence; a frame begun is padded, so that its audio does not wait for the gap's end. */
  #fill(now: number): void {
    // What a tick can find at the latest is a real gap; more is a standstill of this process.
    this.#forgive(now, UPLINK_GAP_MS + TICK_MS);
    while (this.#aheadMs(now) + FRAME_MS <= 0) {
      let silenceMs = FRAME_MS;
      if (this.#filled > 0) {
        silenceMs = (this.#frame.length - this.#filled) / this.#perMs;
        this.#frame.fill(0, this.#filled);
        this.#filled = 0;
        this.#send(this.#frame, 0, false);
      } else {
        this.#send(this.#silence, 0, true);
      }
      if (this.#heard) this.#options.count('ms_uplink_silence', silenceMs);
    }
  }

  #send(samples: Int16Array, offset: number, silent: boolean): void {
    this.#silentRun = silent ? this.#silentRun + 1 : 0;
    this.#pushed += this.#frame.length;
    this.#options.push(samples, offset);
  }

  #isSilent(frame: Int16Array): boolean {
    const energy = sumOfSquares(frame) / frame.length;
    this.#floor = energy < this.#floor ? Math.max(energy, 1) : Math.min(this.#floor * FLOOR_RISE, NEVER_SILENT);
    return energy <= Math.min(NEVER_SILENT, Math.max(ALWAYS_SILENT, this.#floor * FLOOR_RATIO));
  }
}
