import { VoiceActivity } from '../../media/active-speaker.ts';
import { rmsDbfs, SILENCE_DBFS, staysWithin } from '../../media/level.ts';
import { MeanWait } from './mean-wait.ts';

/** Frames that are kept between ticks, before the oldest gives way: 200 ms. */
const MOST_FRAMES = 10;
/** Frames that are kept until then, since the process may have stood still: a second of it is made up for (`host.ts`). */
const MOST_WAITING = 50 + MOST_FRAMES;
/** Frames that wait before a voice begins, or begins again: one in hand, for the uneven way here. */
const CUSHION_FRAMES = 2;
/**
 * A queue that was never shorter than this through `DRAIN_FRAMES` frames is longer than the way needs: a frame of it is dropped, and what is more than
 * that goes where it is quiet. One that is long for a moment is needed: whoever shortens it has a hole in the next word.
 */
const LONG_FRAMES = 3;
const DRAIN_FRAMES = 50;
/** Magnitude up to which a frame is quiet, and nobody hears that it was left out: about -50 dBFS. */
const QUIET_PEAK = 100;

/** A frame, and since when it is here, ms. */
interface Waiting {
  readonly frame: Int16Array;
  readonly sinceMs: number;
}

/**
 * One person's microphone between the library, which tells of frames as they come, and the mixer's clock, which takes one every 20 ms: a short
 * queue, and who does not fill it in time is silent for that frame and never waited for.
 */
export class Voice {
  readonly identity: string;
  readonly trackSid: string;
  readonly activity = new VoiceActivity();
  /** Muted voices are silence, whatever still comes. */
  muted = false;
  /** Frames that were not there in time although the voice was playing. */
  missing = 0;
  /** Level of the frame taken last, dBFS. */
  level = SILENCE_DBFS;
  /** How long its frames wait here. */
  readonly wait = new MeanWait();
  readonly #now: () => number;
  readonly #frames: Waiting[] = [];
  #waiting = true;
  #shortest = MOST_FRAMES;
  #taken = 0;
  /** Frames that the way does not need. */
  #spare = 0;

  /** `now`: monotonic ms. */
  constructor(identity: string, trackSid: string, now: () => number) {
    this.identity = identity;
    this.trackSid = trackSid;
    this.#now = now;
  }

  /** Takes a frame that came, which is the voice's from then on. */
  push(frame: Int16Array): void {
    if (this.muted) return;
    if (this.#frames.length === MOST_WAITING) this.#frames.shift();
    this.#frames.push({ frame, sinceMs: this.#now() });
  }

  /** The frame whose turn it is; undefined for silence. `owed`: so many more are taken at once, since the process stood still. */
  next(owed = 0): Int16Array | undefined {
    const frame = this.#take(owed);
    this.level = frame === undefined ? SILENCE_DBFS : rmsDbfs(frame);
    this.activity.next(this.level);
    return frame;
  }

  /** A tick is over: what waits longer than may be goes. */
  settle(): void {
    if (this.#frames.length > MOST_FRAMES) this.#frames.splice(0, this.#frames.length - MOST_FRAMES);
  }

  #take(owed: number): Int16Array | undefined {
    if (this.muted) {
      this.#frames.length = 0;
      this.#waiting = true;
      return undefined;
    }
    if (this.#waiting && this.#frames.length < CUSHION_FRAMES) return undefined;
    const frame = this.#shift();
    if (frame === undefined) {
      this.missing++;
      this.#waiting = true;
      return undefined;
    }
    this.#waiting = false;
    const waiting = this.#frames.length - owed;
    if (this.#spare > 0 && waiting >= LONG_FRAMES && staysWithin(frame, QUIET_PEAK)) {
      this.#spare--;
      return this.#shift();
    }
    this.#shortest = Math.min(this.#shortest, waiting);
    if (++this.#taken % DRAIN_FRAMES === 0) {
      this.#spare = Math.max(0, this.#shortest - LONG_FRAMES);
      if (this.#shortest >= LONG_FRAMES) this.#frames.shift();
      this.#shortest = MOST_FRAMES;
    }
    return frame;
  }

  #shift(): Int16Array | undefined {
    const first = this.#frames.shift();
    if (first !== undefined) this.wait.add(this.#now() - first.sinceMs, 1);
    return first?.frame;
  }
}
