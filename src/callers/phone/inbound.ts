import type { Count } from '../../call/counters.ts';
import { msToSamples, samplesToMs } from '../../media/frame.ts';
import { AudioBudget, FILL_AHEAD_MS } from './limits.ts';
import { GRID_MS, StampTrust } from './stamp-trust.ts';

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

/** A timestamp this far behind the stream belongs to a counter that began anew, once it goes on from there, ms. */
const RESTART_MS = 1_000;
/** So many consecutive frames make a new counter. */
const EVIDENCE = 3;
/** Timestamps remembered to tell a duplicate from a late frame: 1.3 s of 20 ms frames. */
const RECENT = 64;
/** While earlier gaps have put the audio so far ahead of the clock, a silent carrier is stood in for less: its audio may still come, ms. */
const SURPLUS_MS = 1_000;
/** Grain of the silence that fills in for a silent carrier, ms. */
const FILL_GRAIN_MS = 20;
/** A tick later than this means that we stalled, and that frames wait in the kernel: not the moment to call the carrier silent, ms. */
const STALL_MS = 100;

/**
 * Places of the numbers, ms: the timestamp of the first sample not yet written, NaN before the first; our clock at the last frame, at the last
 * tick, and at the newer of both; how far the audio was ahead of the clock after the last frame.
 */
const EXPECTED = 0;
const LAST_ARRIVAL = 1;
const LAST_TICK = 2;
const NOW = 3;
const SURPLUS = 4;

export class Inbound {
  readonly #sampleRate: number;
  readonly #out: InboundOptions['write'];
  readonly #count: Count;
  readonly #reorderMs: number;
  readonly #maxFillMs: number;
  readonly #wallGapMs: number;
  readonly #silence: Int16Array;
  readonly #recent = new Float64Array(RECENT).fill(-1);
  #recentAt = 0;
  #held: Held[] = [];
  readonly #trust = new StampTrust();
  /** What changes with each frame or tick, in one place: a field that gets a fraction gets a new object on the heap. */
  readonly #n: Float64Array;
  #behind = 0;
  #behindNext = -1;
  #wallFilledMs = 0;
  readonly #budget: AudioBudget;

  constructor(options: InboundOptions, now: number) {
    this.#sampleRate = options.sampleRate;
    this.#out = options.write;
    this.#count = options.count;
    this.#reorderMs = options.reorderMs ?? 60;
    this.#maxFillMs = options.maxFillMs ?? 10_000;
    this.#wallGapMs = options.wallGapMs ?? 750;
    this.#silence = new Int16Array(msToSamples(100, options.sampleRate));
    this.#n = Float64Array.of(Number.NaN, now, now, now, 0);
    this.#budget = new AudioBudget(now);
  }

  /** Frames that wait for one before them. */
  get held(): number {
    return this.#held.length;
  }

  /** Takes one frame of any length; the samples are borrowed. */
  push(samples: Int16Array, timestampMs: number | undefined, now: number): void {
    if (samples.length === 0) return;
    this.#n[LAST_ARRIVAL] = now;
    this.#n[NOW] = now;
    const filledMs = this.#wallFilledMs;
    this.#wallFilledMs = 0;
    const durationMs = samplesToMs(samples.length, this.#sampleRate);
    this.#place(samples, timestampMs, durationMs, filledMs, now);
    this.#n[SURPLUS] = this.#budget.aheadMs(now);
  }

  #place(
    samples: Int16Array,
    timestampMs: number | undefined,
    durationMs: number,
    filledMs: number,
    now: number,
  ): void {
    if (timestampMs !== undefined) this.#trust.sees(timestampMs);
    if (timestampMs === undefined || this.#trust.level === 'none') {
      this.#release(Number.POSITIVE_INFINITY);
      // One frame that does not say where it belongs follows on the one before it.
      this.#n[EXPECTED]! += durationMs;
      this.#write(samples, durationMs);
      return;
    }
    const delta = this.#gapBefore(timestampMs);
    this.#trust.judge(delta, durationMs);
    if (this.#trust.level === 'media') {
      this.#pushOrdered(samples, timestampMs, durationMs, delta, filledMs, now);
      return;
    }
    this.#release(Number.POSITIVE_INFINITY);
    this.#pushLoose(samples, timestampMs, durationMs, this.#gapBefore(timestampMs), filledMs);
  }

  /** Whether ticks are wanted: a frame waits for one before it, or nothing has come for so long that silence may be due soon. */
  waits(now: number): boolean {
    return this.#held.length > 0 || now - this.#n[LAST_ARRIVAL]! > this.#wallGapMs / 2;
  }

  /** Ticks come again, from the next one on: there was none for a while, and no stall in that. */
  resume(now: number): void {
    this.#n[LAST_TICK] = now;
  }

  /** Gives up waiting for what did not come, and stands in for a carrier that has gone silent. Called every 20 ms while `waits` is true. */
  tick(now: number): void {
    const stalled = now - this.#n[LAST_TICK]! > STALL_MS;
    this.#n[LAST_TICK] = now;
    this.#n[NOW] = now;
    if (stalled) return;
    if (this.#held.length > 0) this.#release(now);
    const surplus = this.#n[SURPLUS]!;
    const most = surplus > SURPLUS_MS ? Math.min(this.#maxFillMs, FILL_AHEAD_MS - surplus) : this.#maxFillMs;
    const due = Math.min(now - this.#n[LAST_ARRIVAL]! - this.#wallGapMs, most) - this.#wallFilledMs;
    if (due < FILL_GRAIN_MS) return;
    const ms = Math.floor(due / FILL_GRAIN_MS) * FILL_GRAIN_MS;
    this.#wallFilledMs += ms;
    this.#fill(ms);
  }

  /** Forgets everything: a new stream begins. */
  reset(now: number): void {
    this.#held = [];
    this.#recent.fill(-1);
    this.#trust.reset();
    this.#n[EXPECTED] = Number.NaN;
    this.#behind = 0;
    this.#n[LAST_ARRIVAL] = now;
    this.#n[LAST_TICK] = now;
    this.#n[NOW] = now;
    this.#n[SURPLUS] = 0;
    this.#budget.reset(now);
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
    // Nothing in it is new. A frame that overlaps by half is a jittery stamp, not a late frame; and stamps are whole milliseconds.
    if (delta <= Math.min(-GRID_MS, GRID_MS - durationMs)) {
      // After a silence that was already filled in real time nothing old is still on its way: the counter began anew.
      if (filledMs > 0) this.#deliver(samples, timestampMs, durationMs);
      else this.#pushBehind(samples, timestampMs, durationMs, delta);
      return;
    }
    this.#behind = 0;
    if (delta > gapFrom(durationMs)) {
      // After a silence that was already filled in real time nothing is still on its way, so nothing is waited for.
      if (filledMs === 0) {
        this.#hold(samples, timestampMs, now);
        return;
      }
      this.#fill(Math.min(delta, this.#maxFillMs) - filledMs);
    }
    if (this.#held.length > 0) this.#count('frames_reordered');
    this.#deliver(samples, timestampMs, durationMs);
    if (this.#held.length > 0) this.#release(now);
  }

  /** A frame from before what was already written: seen, late, or the first of a counter that began anew. */
  #pushBehind(samples: Int16Array, timestampMs: number, durationMs: number, delta: number): void {
    if (this.#recent.includes(timestampMs)) {
      this.#count('frames_duplicate');
      this.#trust.unused();
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
    this.#count('frames_late');
    this.#trust.unused();
  }

  #pushLoose(samples: Int16Array, timestampMs: number, durationMs: number, delta: number, filledMs: number): void {
    const expected = timestampMs - delta;
    if (delta > this.#reorderMs) this.#fill(Math.min(delta, this.#maxFillMs) - filledMs);
    // Frames bunched by the network carry early stamps after a late one; the later of both counts, so no gap is filled twice.
    this.#n[EXPECTED] = (delta > this.#reorderMs || delta < -RESTART_MS ? timestampMs : expected) + durationMs;
    this.#write(samples, durationMs);
  }

  /** How far a frame begins behind the end of what was written, ms; negative when it begins before it, 0 for the first. */
  #gapBefore(timestampMs: number): number {
    const expected = this.#n[EXPECTED]!;
    return Number.isNaN(expected) ? 0 : timestampMs - expected;
  }

  /** Keeps a copy of a frame that came too early, in order of time. */
  #hold(samples: Int16Array, timestampMs: number, now: number): void {
    let at = this.#held.length;
    while (at > 0 && this.#held[at - 1]!.timestampMs > timestampMs) at--;
    if (at > 0 && this.#held[at - 1]!.timestampMs === timestampMs) {
      this.#count('frames_duplicate');
      return;
    }
    if (at < this.#held.length) this.#count('frames_reordered');
    this.#held.splice(at, 0, { timestampMs, samples: samples.slice(), arrivedAt: now });
    this.#release(now);
  }

  /** Writes the held frames that are in order now, or that waited long enough. */
  #release(now: number): void {
    while (this.#held.length > 0) {
      const first = this.#held[0]!;
      const gap = this.#gapBefore(first.timestampMs);
      const durationMs = samplesToMs(first.samples.length, this.#sampleRate);
      if (gap > gapFrom(durationMs) && !this.#waitedEnough(now)) return;
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
    return now - oldest >= this.#reorderMs || samplesToMs(samples, this.#sampleRate) > this.#reorderMs;
  }

  #deliver(samples: Int16Array, timestampMs: number, durationMs: number): void {
    this.#n[EXPECTED] = timestampMs + durationMs;
    this.#recent[this.#recentAt] = timestampMs;
    this.#recentAt = (this.#recentAt + 1) % RECENT;
    this.#trust.used();
    this.#write(samples, durationMs);
  }

  /** Hands audio on, as far as the stream may have so much. */
  #write(samples: Int16Array, durationMs: number): void {
    if (this.#budget.takeAudio(durationMs, this.#n[NOW]!)) this.#out(samples);
    else this.#count('ms_dropped_flood', durationMs);
  }

  #fill(gapMs: number): void {
    if (gapMs <= 0) return;
    const now = this.#n[NOW]!;
    const ms = this.#budget.takeFill(gapMs, now);
    if (ms < gapMs) this.#trust.impossible(now);
    // Rounded down to whole samples: what is charged is never less than what is written.
    let left = Math.floor((ms * this.#sampleRate) / 1000 + 1e-6);
    if (left <= 0) return;
    this.#count('ms_filled', Math.round(ms));
    while (left > 0) {
      const n = Math.min(left, this.#silence.length);
      this.#out(n === this.#silence.length ? this.#silence : this.#silence.subarray(0, n));
      left -= n;
    }
  }
}

/** From how far on a frame leaves a gap to the one before it, ms: half a frame, and more than the rounding of stamps. */
function gapFrom(durationMs: number): number {
  return Math.max(GRID_MS, Math.min(durationMs, 20) / 2);
}
