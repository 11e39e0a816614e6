import type { Count } from '../../call/counters.ts';
import { msToSamples, samplesToMs } from '../../media/frame.ts';

/**
 * Puts the caller's audio back into the order and the time in which it was spoken, by the carrier's timestamps. A frame in order passes at
 * once; one that comes early waits a moment for what is missing; what stays missing becomes silence, because a model that hears nothing
 * at all never notices that the caller has stopped talking.
 */

export interface InboundOptions {
  /** Hz of the samples pushed. */
  readonly sampleRate: number;
  /** Where samples go, in order; borrowed during the call. */
  readonly write: (samples: Int16Array) => void;
  readonly count: Count;
  /** How long a frame waits for one that it overtook, ms. */
  readonly reorderMs?: number;
  /** Most silence put into one gap, ms. */
  readonly maxFillMs?: number;
  /** Without any frame for this long, silence is written in real time, ms. */
  readonly wallGapMs?: number;
}

interface Held {
  readonly timestampMs: number;
  readonly samples: Int16Array;
  readonly arrivedAt: number;
}

/**
 * How far the timestamps can be believed. `media`: they count audio, to the frame. `loose`: they are taken from some clock and jitter, so
 * only real gaps count. `none`: absent or constant; frames pass as they come.
 */
type Trust = 'media' | 'loose' | 'none';

/** A timestamp this far behind the stream belongs to a counter that began anew, once it goes on from there, ms. */
const RESTART_MS = 1_000;
/** So many consecutive frames make a new counter, or a constant one. */
const EVIDENCE = 3;
/** Timestamps remembered to tell a duplicate from a late frame: 1.3 s of 20 ms frames. */
const RECENT = 64;
/** A timestamp off the frame grid by more than this is a sign of a jittery clock, ms. */
const GRID_MS = 2;
/** Each sign adds four, each frame on the grid takes one away; at this sum the clock is called loose. */
const LOOSE_SCORE = 24;
/** Grain of the silence that fills in for a silent carrier, ms. */
const FILL_GRAIN_MS = 20;
/** A tick later than this means that we stalled, and that frames wait in the kernel: not the moment to call the carrier silent, ms. */
const STALL_MS = 100;

/** Places of the numbers: the timestamp of the first sample not yet written, NaN before the first; our clock at the last frame and tick; ms. */
const EXPECTED = 0;
const LAST_ARRIVAL = 1;
const LAST_TICK = 2;

export class Inbound {
  readonly #options: InboundOptions;
  readonly #reorderMs: number;
  readonly #maxFillMs: number;
  readonly #wallGapMs: number;
  readonly #silence: Int16Array;
  readonly #recent = new Float64Array(RECENT).fill(-1);
  #recentAt = 0;
  #held: Held[] = [];
  #trust: Trust = 'media';
  /** What changes with each frame or tick, in one place: a field that gets a fraction gets a new object on the heap. */
  readonly #n: Float64Array;
  #lastTimestamp = -1;
  #same = 0;
  #looseScore = 0;
  #behind = 0;
  #behindNext = -1;
  #wallFilledMs = 0;

  constructor(options: InboundOptions, now: number) {
    this.#options = options;
    this.#reorderMs = options.reorderMs ?? 60;
    this.#maxFillMs = options.maxFillMs ?? 10_000;
    this.#wallGapMs = options.wallGapMs ?? 750;
    this.#silence = new Int16Array(msToSamples(100, options.sampleRate));
    this.#n = Float64Array.of(Number.NaN, now, now);
  }

  /** Frames that wait for one before them. */
  get held(): number {
    return this.#held.length;
  }

  /** Takes one frame of any length; the samples are borrowed. */
  push(samples: Int16Array, timestampMs: number | undefined, now: number): void {
    if (samples.length === 0) return;
    this.#n[LAST_ARRIVAL] = now;
    const filledMs = this.#wallFilledMs;
    this.#wallFilledMs = 0;
    if (timestampMs === undefined || this.#trust === 'none' || this.#isConstant(timestampMs)) {
      this.#release(Number.POSITIVE_INFINITY);
      this.#options.write(samples);
      return;
    }
    const durationMs = samplesToMs(samples.length, this.#options.sampleRate);
    const delta = this.#gapBefore(timestampMs);
    this.#judge(delta, durationMs);
    if (this.#trust === 'loose') this.#pushLoose(samples, timestampMs, durationMs, delta, filledMs);
    else this.#pushOrdered(samples, timestampMs, durationMs, delta, filledMs, now);
  }

  /** Gives up waiting for what did not come, and stands in for a carrier that has gone silent. Called every 20 ms. */
  tick(now: number): void {
    const stalled = now - this.#n[LAST_TICK]! > STALL_MS;
    this.#n[LAST_TICK] = now;
    if (stalled) return;
    if (this.#held.length > 0) this.#release(now);
    const due = Math.min(now - this.#n[LAST_ARRIVAL]! - this.#wallGapMs, this.#maxFillMs) - this.#wallFilledMs;
    if (due < FILL_GRAIN_MS) return;
    const ms = Math.floor(due / FILL_GRAIN_MS) * FILL_GRAIN_MS;
    this.#wallFilledMs += ms;
    this.#fill(ms);
  }

  /** Forgets everything: a new stream begins. */
  reset(now: number): void {
    this.#held = [];
    this.#recent.fill(-1);
    this.#trust = 'media';
    this.#n[EXPECTED] = Number.NaN;
    this.#lastTimestamp = -1;
    this.#same = 0;
    this.#looseScore = 0;
    this.#behind = 0;
    this.#n[LAST_ARRIVAL] = now;
    this.#n[LAST_TICK] = now;
    this.#wallFilledMs = 0;
  }

  #pushOrdered(
    samples: Int16Array,
    timestampMs: number,
    durationMs: number,
    delta: number,
    filledMs: number,
    now: number,
  ): void {
    // Nothing in it is new. A frame that overlaps by half is a jittery stamp, not a late frame.
    if (delta <= GRID_MS - durationMs) {
      this.#pushBehind(samples, timestampMs, durationMs, delta);
      return;
    }
    this.#behind = 0;
    if (delta > Math.min(durationMs, 20) / 2) {
      // After a silence that was already filled in real time nothing is still on its way, so nothing is waited for.
      if (filledMs === 0) {
        this.#hold(samples, timestampMs, now);
        return;
      }
      this.#fill(Math.min(delta, this.#maxFillMs) - filledMs);
    }
    if (this.#held.length > 0) this.#options.count('frames_reordered');
    this.#deliver(samples, timestampMs, durationMs);
    if (this.#held.length > 0) this.#release(now);
  }

  /** A frame from before what was already written: seen, late, or the first of a counter that began anew. */
  #pushBehind(samples: Int16Array, timestampMs: number, durationMs: number, delta: number): void {
    if (this.#recent.includes(timestampMs)) {
      this.#options.count('frames_duplicate');
      return;
    }
    if (delta < -RESTART_MS) {
      const consecutive = Math.abs(timestampMs - this.#behindNext) <= durationMs / 2;
      this.#behind = consecutive ? this.#behind + 1 : 1;
      this.#behindNext = timestampMs + durationMs;
      if (this.#behind >= EVIDENCE) {
        this.#behind = 0;
        this.#release(Number.POSITIVE_INFINITY);
        this.#deliver(samples, timestampMs, durationMs);
        return;
      }
    }
    this.#options.count('frames_late');
  }

  #pushLoose(samples: Int16Array, timestampMs: number, durationMs: number, delta: number, filledMs: number): void {
    const expected = timestampMs - delta;
    if (delta > this.#reorderMs) this.#fill(Math.min(delta, this.#maxFillMs) - filledMs);
    // Frames bunched by the network carry early stamps after a late one; the later of both counts, so no gap is filled twice.
    this.#n[EXPECTED] = (delta > this.#reorderMs || delta < -RESTART_MS ? timestampMs : expected) + durationMs;
    this.#options.write(samples);
  }

  /** How far a frame begins behind the end of what was written, ms; negative when it begins before it, 0 for the first. */
  #gapBefore(timestampMs: number): number {
    const expected = this.#n[EXPECTED]!;
    return Number.isNaN(expected) ? 0 : timestampMs - expected;
  }

  /** Whether the carrier's timestamps stand still; the first repeats are taken for duplicates by who asks. */
  #isConstant(timestampMs: number): boolean {
    this.#same = timestampMs === this.#lastTimestamp ? this.#same + 1 : 0;
    this.#lastTimestamp = timestampMs;
    if (this.#same < EVIDENCE) return false;
    this.#trust = 'none';
    return true;
  }

  /** Watches whether timestamps fall on the grid that frame lengths make. */
  #judge(delta: number, durationMs: number): void {
    if (this.#trust !== 'media' || delta === 0) {
      if (this.#looseScore > 0) this.#looseScore--;
      return;
    }
    const off = Math.abs(delta) % durationMs;
    if (Math.min(off, durationMs - off) <= GRID_MS) return;
    this.#looseScore += 4;
    if (this.#looseScore < LOOSE_SCORE) return;
    this.#trust = 'loose';
    this.#release(Number.POSITIVE_INFINITY);
  }

  /** Keeps a copy of a frame that came too early, in order of time. */
  #hold(samples: Int16Array, timestampMs: number, now: number): void {
    let at = this.#held.length;
    while (at > 0 && this.#held[at - 1]!.timestampMs > timestampMs) at--;
    if (at > 0 && this.#held[at - 1]!.timestampMs === timestampMs) {
      this.#options.count('frames_duplicate');
      return;
    }
    if (at < this.#held.length) this.#options.count('frames_reordered');
    this.#held.splice(at, 0, { timestampMs, samples: samples.slice(), arrivedAt: now });
    this.#release(now);
  }

  /** Writes the held frames that are in order now, or that waited long enough. */
  #release(now: number): void {
    while (this.#held.length > 0) {
      const first = this.#held[0]!;
      const gap = this.#gapBefore(first.timestampMs);
      const durationMs = samplesToMs(first.samples.length, this.#options.sampleRate);
      if (gap > Math.min(durationMs, 20) / 2 && !this.#waitedEnough(now)) return;
      this.#held.shift();
      this.#fill(Math.min(gap, this.#maxFillMs));
      this.#deliver(first.samples, first.timestampMs, durationMs);
    }
  }

  /** The wait ends by our clock or, when a stuck network delivers all at once, by the audio that came meanwhile. */
  #waitedEnough(now: number): boolean {
    let oldest = now;
    let samples = 0;
    for (const frame of this.#held) {
      if (frame.arrivedAt < oldest) oldest = frame.arrivedAt;
      samples += frame.samples.length;
    }
    return now - oldest >= this.#reorderMs || samplesToMs(samples, this.#options.sampleRate) > this.#reorderMs;
  }

  #deliver(samples: Int16Array, timestampMs: number, durationMs: number): void {
    this.#n[EXPECTED] = timestampMs + durationMs;
    this.#recent[this.#recentAt] = timestampMs;
    this.#recentAt = (this.#recentAt + 1) % RECENT;
    this.#options.write(samples);
  }

  #fill(ms: number): void {
    let left = msToSamples(ms, this.#options.sampleRate);
    if (left <= 0) return;
    this.#options.count('ms_filled', Math.round(ms));
    while (left > 0) {
      const n = Math.min(left, this.#silence.length);
      this.#options.write(n === this.#silence.length ? this.#silence : this.#silence.subarray(0, n));
      left -= n;
    }
  }
}
