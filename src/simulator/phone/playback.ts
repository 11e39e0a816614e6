/**
 * The carrier's buffer between a bridge and a listener's ear, played by the clock.
 *
 * Audio is queued and played in order without a break; a mark is told when everything queued before it was really played, at once when
 * nothing is queued; a clear drops what was not heard and returns every outstanding mark. Beyond ten minutes the excess is dropped
 * (https://www.twilio.com/docs/api/errors/31931).
 *
 * Nothing here works in ticks: audio that arrives at 3.4 ms sounds from 3.4 ms on, and where it ends follows from its samples. `advance`
 * only brings the books up to the clock and may be called at any time, often or seldom, with the same outcome.
 */

import type { Clock, Timer } from '../../call/clock.ts';

/** The most a carrier buffers, ms. */
export const BUFFER_LIMIT_MS = 600_000;

/** Why a mark came back. */
export type MarkCause = 'played' | 'cleared';

/** Hears what is played. Must not write into the playback that calls it. */
export interface PlaybackListener {
  /** A run of unbroken audio begins at `atMs`. `dryMs`: when the run before it ended by itself; undefined when it was cleared or is the first. */
  runStarted(atMs: number, dryMs: number | undefined): void;
  /** `ring[from..to)` was heard, its first sample at `atMs`. Borrowed. */
  heard(ring: Int16Array, from: number, to: number, atMs: number): void;
  /** Tell the bridge. `dueMs`: when exactly the audio before the mark ended (or the clear came). */
  mark(name: string, dueMs: number, cause: MarkCause): void;
}

interface PendingMark {
  readonly name: string;
  readonly dueMs: number;
}

export class Playback {
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #listener: PlaybackListener;
  readonly #limit: number;
  readonly #leadMs: number;
  /** Queued samples lie from `#read` on, `#queued` of them, round the end. The length is a power of two. */
  #ring = new Int16Array(8192);
  #read = 0;
  #queued = 0;
  /** The run being played: when its first sample sounded, and how many of its samples were heard. */
  #runMs = 0;
  #runHeard = 0;
  #hasRun = false;
  #cleared = false;
  #totalHeard = 0;
  #marks: PendingMark[] = [];
  #timer: Timer | undefined;

  /** `leadMs`: how long audio is held back when a run begins, as a jitter buffer does, so that what comes late after it is in time. */
  constructor(sampleRate: number, clock: Clock, listener: PlaybackListener, limitMs = BUFFER_LIMIT_MS, leadMs = 0) {
    this.#rate = sampleRate;
    this.#clock = clock;
    this.#listener = listener;
    this.#limit = Math.round((limitMs * sampleRate) / 1000);
    this.#leadMs = leadMs;
  }

  /** When the last queued sample will have sounded; in the past when nothing is queued. */
  get endMs(): number {
    return this.#runMs + ((this.#runHeard + this.#queued) * 1000) / this.#rate;
  }

  /** Audio not heard yet, as of the last `advance`, ms. */
  get bufferedMs(): number {
    return (this.#queued * 1000) / this.#rate;
  }

  /** All audio heard so far, as of the last `advance`, ms. */
  get heardMs(): number {
    return (this.#totalHeard * 1000) / this.#rate;
  }

  /** Marks not told yet. */
  get outstandingMarks(): number {
    return this.#marks.length;
  }

  /** Queues samples (copied). Returns how many fitted; the rest is dropped. */
  write(samples: Int16Array, count: number = samples.length): number {
    const now = this.advance();
    const accepted = Math.min(count, this.#limit - this.#queued);
    if (accepted <= 0) return 0;
    if (this.#queued === 0) this.#join(now);
    this.#reserve(this.#queued + accepted);
    const mask = this.#ring.length - 1;
    let at = (this.#read + this.#queued) & mask;
    for (let i = 0; i < accepted; i++) {
      this.#ring[at] = samples[i]!;
      at = (at + 1) & mask;
    }
    this.#queued += accepted;
    return accepted;
  }

  /** Asks to be told when what is queued now has been heard. */
  mark(name: string): void {
    const now = this.advance();
    if (this.#queued === 0) {
      this.#listener.mark(name, now, 'played');
      return;
    }
    this.#marks.push({ name, dueMs: this.endMs });
    if (this.#marks.length === 1) this.#arm(now);
  }

  /** Drops what was not heard and returns all marks. Returns the ms dropped. */
  clear(): number {
    const now = this.advance();
    const dropped = this.bufferedMs;
    this.#queued = 0;
    this.#cleared = true;
    const marks = this.#marks;
    this.#marks = [];
    this.#disarm();
    for (const mark of marks) this.#listener.mark(mark.name, now, 'cleared');
    return dropped;
  }

  /** Brings the books up to the clock: tells what was heard since, and the marks that fell due. Returns the time it used. */
  advance(): number {
    const now = this.#clock.now();
    if (this.#queued > 0) {
      // A sample counts as heard when it has sounded to its end; the small term keeps a rounding error from holding back the last one.
      const played = Math.floor(((now - this.#runMs) * this.#rate) / 1000 + 1e-6) - this.#runHeard;
      if (played > 0) this.#hear(Math.min(played, this.#queued));
    }
    if (this.#marks.length > 0 && this.#marks[0]!.dueMs <= now) this.#tellMarks(now);
    return now;
  }

  /** Ends it: no mark is told any more. */
  dispose(): void {
    this.#disarm();
    this.#marks = [];
    this.#queued = 0;
  }

  /** Audio comes and nothing is queued: it goes on with the run if not even one sample's time has passed, else a new run begins. */
  #join(now: number): void {
    const endMs = this.endMs;
    if (this.#hasRun && !this.#cleared && now - endMs < 1000 / this.#rate) return;
    const dryMs = this.#hasRun && !this.#cleared ? endMs : undefined;
    this.#runMs = now + this.#leadMs;
    this.#runHeard = 0;
    this.#hasRun = true;
    this.#cleared = false;
    this.#listener.runStarted(this.#runMs, dryMs);
  }

  #hear(count: number): void {
    const atMs = this.#runMs + (this.#runHeard * 1000) / this.#rate;
    const ring = this.#ring;
    const first = Math.min(count, ring.length - this.#read);
    const from = this.#read;
    this.#read = (this.#read + count) & (ring.length - 1);
    this.#queued -= count;
    this.#runHeard += count;
    this.#totalHeard += count;
    this.#listener.heard(ring, from, from + first, atMs);
    if (count > first) this.#listener.heard(ring, 0, count - first, atMs + (first * 1000) / this.#rate);
  }

  #tellMarks(now: number): void {
    while (this.#marks.length > 0 && this.#marks[0]!.dueMs <= now) {
      const mark = this.#marks.shift()!;
      this.#listener.mark(mark.name, mark.dueMs, 'played');
    }
    this.#arm(now);
  }

  /** One timer, for the earliest mark. Rounded up to whole milliseconds, for a timer may fire early by the fraction it drops. */
  #arm(now: number): void {
    this.#disarm();
    const next = this.#marks[0];
    if (next === undefined) return;
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(next.dueMs - now)), this.#onTimer);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.advance();
    // Fired before its time: nothing fell due, and the mark waits on.
    if (this.#timer === undefined && this.#marks.length > 0) this.#arm(this.#clock.now());
  };

  #reserve(samples: number): void {
    if (samples <= this.#ring.length) return;
    let length = this.#ring.length;
    while (length < samples) length *= 2;
    const ring = new Int16Array(length);
    const first = Math.min(this.#queued, this.#ring.length - this.#read);
    ring.set(this.#ring.subarray(this.#read, this.#read + first));
    ring.set(this.#ring.subarray(0, this.#queued - first), first);
    this.#ring = ring;
    this.#read = 0;
  }
}
