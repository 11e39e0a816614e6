import { FrameQueue } from './frame-queue.ts';
import { staysWithin } from './level.ts';
import { QuietRun } from './quiet-run.ts';

/**
 * Agent audio on its way into an RTP stream at 48 kHz, in real time: 10 ms frames go out as they are due, never further ahead of the clock
 * than one tick, so that a `clear` discards all that was not heard. Where nothing is to be said silence goes, because libwebrtc counts RTP
 * time by the frames it is given: a stream that stands still makes all that follows late, and the far jitter buffer grows with it. Pure: it
 * is asked with the time.
 */

/** Samples of one pushed frame: 10 ms at 48 kHz. */
export const RTP_FRAME = 480;
const SAMPLES_PER_MS = 48;
const FRAME_MS = RTP_FRAME / SAMPLES_PER_MS;

/** The stream may run so far ahead of the clock, ms: one tick, until the next one sends more. */
const AHEAD_MS = 20;
/** The stream may lag so far before silence stands in for audio that is late, ms: the jitter of a live source. */
const GAP_MS = 60;
/** A lag beyond this is not made up for, ms: a burst would be thrown away by the far jitter buffer, so what waits is heard later instead. */
const CATCH_UP_MS = 100;
const TICK_MS = 20;
/** Delay that a live source's audio may gather here before silence is left out to win it back, frames; never what may be silent inside a word. */
const LIVE_BACKLOG = 6;
/** Loudest sample of a frame that counts as silence. */
const SILENT_PEAK = 64;

export interface RtpPlayoutOptions {
  /** Takes 480 samples from `offset`; must copy them before it returns. */
  push(samples: Int16Array, offset: number): void;
  /** Told how much audio found no place, ms. */
  dropped(ms: number): void;
  /** Most audio that may wait, ms. */
  readonly maxQueueMs: number;
  /** Whether nothing is sent before `release`, silence neither: what is written waits, and is heard from its beginning afterwards. */
  readonly held?: boolean;
}

export class RtpPlayout {
  readonly #options: RtpPlayoutOptions;
  readonly #maxFrames: number;
  readonly #queue: FrameQueue;
  /** The frame being assembled. */
  readonly #frame = new Int16Array(RTP_FRAME);
  readonly #silence = new Int16Array(RTP_FRAME);
  #filled = 0;
  /** Whether some of it belongs to what is whole. */
  #whole = false;
  /** The clock at which the stream began, moved when a lag is given up; undefined before the first tick or write. */
  #origin: number | undefined;
  /** Samples given to the stream, silence of ours included. */
  #pushed = 0;
  /** Samples accepted, and of these played: positions of the playout. */
  #written = 0;
  #played = 0;
  #gap = true;
  /** How long what was accepted has been silent where the queue begins. */
  readonly #quiet = new QuietRun();
  /** Whether the source gives audio in real time, silence included: only then may its silence be left out. */
  live = false;
  #held: boolean;
  /** Frames of silence that go before anything else does. */
  #leadIn = 0;

  constructor(options: RtpPlayoutOptions) {
    this.#options = options;
    this.#held = options.held ?? false;
    this.#maxFrames = Math.floor(options.maxQueueMs / FRAME_MS);
    this.#queue = new FrameQueue(RTP_FRAME, this.#maxFrames);
  }

  /** Whether nothing is sent yet. */
  get held(): boolean {
    return this.#held;
  }

  /**
   * From now on it sends: `leadInMs` of silence, then what waited. A far end that begins to play at the first packet has begun when speech comes. Nothing
   * for one that is not held.
   */
  release(leadInMs = 0): void {
    if (!this.#held) return;
    this.#held = false;
    // The stream begins now: what waited is no lag, of which a burst would be made.
    this.#origin = undefined;
    this.#leadIn = Math.ceil(leadInMs / FRAME_MS);
  }

  /** Audio accepted so far, ms; falls back to what was played when the rest is discarded. */
  writtenMs(): number {
    return this.#written / SAMPLES_PER_MS;
  }

  /** Audio given to the stream, ms: it cannot be taken back. */
  playedMs(): number {
    return this.#played / SAMPLES_PER_MS;
  }

  /** Takes any number of samples at 48 kHz. Borrowed during the call; never throws. `whole`: as a frame's. */
  write(samples: Int16Array, now: number, whole = false): void {
    this.#origin ??= now;
    this.#gap = false;
    this.#giveUpLag(now);
    const frame = this.#frame;
    let at = 0;
    while (at < samples.length) {
      let filled = this.#filled;
      const start = at;
      const end = Math.min(samples.length, at + RTP_FRAME - filled);
      while (at < end) frame[filled++] = samples[at++]!;
      this.#written += at - start;
      this.#whole ||= whole;
      this.#filled = filled === RTP_FRAME ? 0 : filled;
      if (filled === RTP_FRAME) this.#accept();
    }
    this.#drain(now);
  }

  /** To be called every 20 ms: sends what is due, and silence where there is nothing. */
  tick(now: number): void {
    if (this.#held) return;
    this.#origin ??= now;
    this.#giveUpLag(now);
    this.#drain(now);
    if (this.#queue.length > 0) return;
    if (-this.#aheadMs(now) > GAP_MS) this.#gap = true;
    if (this.#gap) this.#fill(now);
  }

  /** Discards what was accepted and not sent. */
  clear(): void {
    this.#queue.clear();
    this.#quiet.reset();
    this.#filled = 0;
    this.#whole = false;
    this.#written = this.#played;
  }

  /** How far the stream is ahead of the clock, ms; negative when it lags. */
  #aheadMs(now: number): number {
    return this.#pushed / SAMPLES_PER_MS - (now - (this.#origin ?? now));
  }

  #giveUpLag(now: number): void {
    const behind = -this.#aheadMs(now);
    if (behind > CATCH_UP_MS) this.#origin = (this.#origin ?? now) + behind - TICK_MS;
  }

  #accept(): void {
    const whole = this.#whole;
    this.#whole = false;
    if (this.#queue.length < this.#maxFrames) {
      this.#queue.push(this.#frame, !whole && staysWithin(this.#frame, SILENT_PEAK));
      return;
    }
    this.#written -= RTP_FRAME;
    this.#options.dropped(FRAME_MS);
  }

  #drain(now: number): void {
    if (this.#held) return;
    while (this.#leadIn > 0) {
      if (this.#aheadMs(now) + FRAME_MS > AHEAD_MS) return;
      this.#send(this.#silence, 0);
      this.#leadIn--;
    }
    const queue = this.#queue;
    while (queue.length > 0) {
      const silent = queue.isSilent(0);
      if (!this.live || queue.length <= LIVE_BACKLOG || !silent || !this.#quiet.isPause) {
        if (this.#aheadMs(now) + FRAME_MS > AHEAD_MS) return;
        this.#send(queue.samples, queue.offset);
      }
      this.#quiet.add(silent, FRAME_MS);
      this.#played += RTP_FRAME;
      queue.shift();
    }
  }

  /** Brings the stream up to the clock. A frame begun is padded, so that its audio does not wait for the gap's end. */
  #fill(now: number): void {
    while (this.#aheadMs(now) + FRAME_MS <= 0) {
      if (this.#filled === 0) {
        this.#send(this.#silence, 0);
        continue;
      }
      this.#frame.fill(0, this.#filled);
      this.#played += this.#filled;
      this.#filled = 0;
      this.#whole = false;
      this.#send(this.#frame, 0);
    }
  }

  #send(samples: Int16Array, offset: number): void {
    this.#pushed += RTP_FRAME;
    this.#options.push(samples, offset);
  }
}
