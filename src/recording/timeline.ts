import { Converter } from '../media/converter.ts';
import type { PcmFrame } from '../media/frame.ts';
import { Lane, type Track } from './lane.ts';
import type { SampleQueue } from './sample-queue.ts';

/**
 * Makes one stereo stream of the two directions of a call, in the call's own time: left is the caller, at the time it was said; right is the
 * agent, at the time the caller heard it, and without what the caller did not hear. Pure: the time is given with each thing told.
 */

export interface TimelineOptions {
  /** Hz of the recording: 8000, 16000, 24000 or 48000. */
  readonly sampleRate: number;
  /** Takes the recording in order: interleaved left and right, borrowed during the call. */
  readonly write: (stereo: Int16Array) => void;
  /** How long audio waits until it is known for good when it was heard, ms. */
  readonly windowMs?: number;
}

const WINDOW_MS = 500;
/** Audio in one piece of the output, ms. */
const PIECE_MS = 100;
/** Room between the newest placed sample and the last one written, ms. */
const ROOM_MS = 2_000;
/** Progress beyond the clock's own that is not looked at, ms. */
const AHEAD_MS = 10;
/** Magnitude up to which a sample of the agent counts as none: legs leave such audio out. */
const NOTHING = 40;

export class Timeline {
  readonly sampleRate: number;
  readonly #write: (stereo: Int16Array) => void;
  readonly #window: number;
  readonly #ahead: number;
  readonly #piece: number;
  readonly #stereo: Int16Array;
  readonly #left: Channel;
  readonly #right: Channel;
  readonly #caller: Lane;
  readonly #agent: Lane;
  readonly #fromCaller: Converter;
  readonly #fromAgent: Converter;
  #startedAt: number | undefined;
  /** The agent's side in samples of the recording: what was sent, and what of it was played. */
  #written = 0;
  #played = 0;
  /** Samples a channel written out. */
  #done = 0;

  constructor(options: TimelineOptions) {
    const rate = options.sampleRate;
    const windowMs = options.windowMs ?? WINDOW_MS;
    this.sampleRate = rate;
    this.#write = options.write;
    this.#window = (windowMs * rate) / 1000;
    this.#ahead = (AHEAD_MS * rate) / 1000;
    this.#piece = (PIECE_MS * rate) / 1000;
    this.#stereo = new Int16Array(this.#piece * 2);
    const room = 2 * this.#window + (ROOM_MS * rate) / 1000;
    const makeRoom = (until: number) => this.#flush(until);
    this.#left = new Channel(room, makeRoom);
    this.#right = new Channel(room, makeRoom);
    this.#caller = new Lane(rate, windowMs, this.#left);
    this.#agent = new Lane(rate, windowMs, this.#right);
    this.#fromCaller = new Converter(rate);
    this.#fromAgent = new Converter(rate);
  }

  /** Recorded so far, ms. */
  get durationMs(): number {
    return (this.#done * 1000) / this.sampleRate;
  }

  /** The recording's time begins at `now`. What the agent said before and the caller has not heard yet belongs to it. */
  start(now: number): void {
    this.#startedAt = now;
  }

  /** What the caller said, come in at `now`. */
  caller(frame: PcmFrame, now: number): void {
    if (this.#startedAt === undefined) return;
    const samples = this.#fromCaller.convert(frame);
    this.#caller.queue.push(samples);
    this.#caller.heard(samples.length, this.#timeOf(now));
  }

  /** What was sent for the caller to hear, at position `fromMs` of all that was. */
  agent(frame: PcmFrame, fromMs: number): void {
    const samples = this.#fromAgent.convert(frame);
    const from = Math.round((fromMs * this.sampleRate) / 1000);
    // Positions are fractions of a millisecond in one rate and samples in another: two samples are the same place.
    if (from > this.#written + 2) {
      this.#agent.queue.pushSilence(from - this.#written);
      this.#written = from;
    }
    this.#agent.queue.push(samples);
    this.#written += Math.round((frame.samples.length * this.sampleRate) / frame.sampleRate);
  }

  /** At `now`, all that was sent up to `playedMs` has been heard, and nothing beyond it. */
  tick(playedMs: number, now: number): void {
    this.#observe(playedMs, now);
    if (this.#startedAt === undefined) return;
    const time = this.#timeOf(now);
    this.#caller.settle(time - this.#window);
    this.#agent.settle(time - this.#window);
    const until = Math.floor(time - 2 * this.#window);
    if (until - this.#done >= this.#piece) this.#flush(until);
  }

  /** What was sent beyond `playedMs` will not be heard. */
  cleared(playedMs: number, now: number): void {
    this.#observe(playedMs, now);
    this.#agent.queue.truncate(this.#agent.known);
    this.#written = this.#played;
    this.#fromAgent.reset();
  }

  /** Writes out all up to `now`. */
  finish(now: number): void {
    if (this.#startedAt === undefined) return;
    this.#caller.settle(Number.POSITIVE_INFINITY);
    this.#agent.settle(Number.POSITIVE_INFINITY);
    this.#flush(Math.floor(this.#timeOf(now)));
  }

  #timeOf(now: number): number {
    return ((now - this.#startedAt!) * this.sampleRate) / 1000;
  }

  #observe(playedMs: number, now: number): void {
    const played = Math.min(this.#written, Math.round((playedMs * this.sampleRate) / 1000));
    const count = played - this.#played;
    if (count <= 0) return;
    this.#played = played;
    if (this.#startedAt === undefined) {
      this.#agent.queue.drop(count);
      return;
    }
    const time = this.#timeOf(now);
    const drop = this.#leftOut(count, time);
    this.#agent.heard(count - drop, time, drop, played === this.#written);
  }

  /**
   * Playing cannot go faster than time. Where it seems to, the leg left silence out (nothing is sent while a live agent says nothing), so
   * many of the silent samples at the end were never heard.
   */
  #leftOut(count: number, time: number): number {
    const excess = Math.floor(count - (time - Math.max(0, this.#agent.lastTime)));
    if (excess <= this.#ahead) return 0;
    const { queue, known } = this.#agent;
    let silent = 0;
    while (silent < excess && queue.magnitude(known + count - 1 - silent) <= NOTHING) silent++;
    return silent;
  }

  #flush(until: number): void {
    while (this.#done < until) {
      const n = Math.min(this.#piece, until - this.#done);
      this.#left.read(this.#stereo, 0, n);
      this.#right.read(this.#stereo, 1, n);
      this.#done += n;
      this.#write(n === this.#piece ? this.#stereo : this.#stereo.subarray(0, n * 2));
    }
  }
}

/** The placed samples of one side that are not written out yet; silence where there are none. */
class Channel implements Track {
  readonly #ring: Int16Array;
  readonly #makeRoom: (until: number) => void;
  /** The first sample of the ring. */
  #from = 0;

  constructor(room: number, makeRoom: (until: number) => void) {
    this.#ring = new Int16Array(room);
    this.#makeRoom = makeRoom;
  }

  put(at: number, count: number, queue: SampleQueue): void {
    // From before the recording, or later than it can wait: its place is written already.
    const gone = Math.min(count, Math.max(0, this.#from - at));
    if (gone > 0) queue.drop(gone);
    for (let done = gone; done < count; ) {
      const n = Math.min(count - done, this.#ring.length);
      const end = at + done + n;
      if (end > this.#from + this.#ring.length) this.#makeRoom(end - this.#ring.length);
      queue.take(n, this.#ring, at + done);
      done += n;
    }
  }

  /** Moves the next `count` samples to every second place of `stereo`. */
  read(stereo: Int16Array, offset: number, count: number): void {
    const ring = this.#ring;
    let at = this.#from % ring.length;
    for (let i = 0; i < count; i++) {
      stereo[2 * i + offset] = ring[at]!;
      ring[at] = 0;
      if (++at === ring.length) at = 0;
    }
    this.#from += count;
  }
}
