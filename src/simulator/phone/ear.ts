/**
 * The caller's ear: what was heard of the agent, when, and with which gaps. It is fed by the playback and so knows only what was really
 * played, never what was merely sent.
 */

import type { CallRecorder } from './recorder.ts';
import { LoudnessWindows, Spurts } from './speech.ts';

/** Silence that ends an utterance of the agent, ms. Longer than a breath between sentences. */
export const UTTERANCE_PAUSE_MS = 1000;

/** Sound this short before the buffer ran dry means that it broke off in the middle, ms. */
const BROKEN_OFF_MS = 30;

/** Stretches kept in `played`; a bridge that sends without any lead makes one per frame, and the list must not grow with the call. */
const PLAYED_LIMIT = 10_000;

/** The buffer ran dry in the middle of speech and more of it followed: a gap the caller hears. Clock ms. */
export interface Gap {
  readonly atMs: number;
  readonly ms: number;
}

/** One stretch of unbroken playing (of sound or silence alike), clock ms. */
export interface Played {
  readonly fromMs: number;
  toMs: number;
}

export class Ear {
  /** The agent's speech by its energy. */
  readonly spurts = new Spurts();
  /** Stretches in which anything was played. */
  readonly played: Played[] = [];
  /** Gaps inside speech, in order; a bounded list, while the sums beside it count all. */
  readonly gaps: Gap[] = [];
  gapCount = 0;
  gapMs = 0;
  longestGapMs = 0;
  /** Called when a new spurt begins, with the time of its first sound. */
  onSpurt: ((atMs: number) => void) | undefined;
  /** Called for every gap. */
  onGap: ((gap: Gap) => void) | undefined;

  readonly #rate: number;
  readonly #windows: LoudnessWindows;
  readonly #recorder: CallRecorder | undefined;
  #samplesHeard = 0;
  /** Samples heard when the utterance's first sound came; -1 before the first utterance. */
  #utteranceFrom = -1;
  /** Samples heard when the last sound of speech had ended. */
  #lastSpeechAt = 0;
  /** End of the last loud window, be it of speech or of a click. */
  #lastSoundMs = Number.NEGATIVE_INFINITY;

  constructor(sampleRate: number, recorder?: CallRecorder) {
    this.#rate = sampleRate;
    this.#windows = new LoudnessWindows(sampleRate);
    this.#recorder = recorder;
  }

  /** End of the last speech heard, clock ms; undefined before the first. */
  get lastLoudMs(): number | undefined {
    return this.spurts.lastMs;
  }

  /** Everything played so far, ms. */
  get playedMs(): number {
    return (this.#samplesHeard * 1000) / this.#rate;
  }

  /** Whether an utterance goes on at `now`. */
  speaking(now: number): boolean {
    return now - (this.spurts.lastMs ?? Number.NEGATIVE_INFINITY) < UTTERANCE_PAUSE_MS;
  }

  /**
   * Audio heard of the utterance that goes on at `now`, ms, from its first sound; short pauses count, gaps in the playing do not.
   * Zero when none goes on.
   */
  utteranceMs(now: number): number {
    if (this.#utteranceFrom < 0 || !this.speaking(now)) return 0;
    return ((this.#samplesHeard - this.#utteranceFrom) * 1000) / this.#rate;
  }

  /** The same up to its last sound, of the last utterance there was. */
  get lastUtteranceMs(): number {
    return this.#utteranceFrom < 0 ? 0 : ((this.#lastSpeechAt - this.#utteranceFrom) * 1000) / this.#rate;
  }

  /** See `PlaybackListener.runStarted`. */
  runStarted(atMs: number, dryMs: number | undefined): void {
    this.#windows.reset();
    if (this.played.length < PLAYED_LIMIT) this.played.push({ fromMs: atMs, toMs: atMs });
    if (dryMs === undefined) return;
    const ms = atMs - dryMs;
    // A pause longer than an utterance's is the agent's own; one after silence is not heard as a gap.
    if (ms >= UTTERANCE_PAUSE_MS || dryMs - this.#lastSoundMs > BROKEN_OFF_MS) return;
    this.gapCount++;
    this.gapMs += ms;
    this.longestGapMs = Math.max(this.longestGapMs, ms);
    const gap = { atMs: dryMs, ms };
    if (this.gaps.length < PLAYED_LIMIT) this.gaps.push(gap);
    this.onGap?.(gap);
  }

  /** See `PlaybackListener.heard`. */
  heard(ring: Int16Array, from: number, to: number, atMs: number): void {
    this.#recorder?.agent(ring, from, to, atMs);
    const run = this.played.at(-1);
    if (run !== undefined) run.toMs = atMs + ((to - from) * 1000) / this.#rate;
    this.#chunkFrom = this.#samplesHeard;
    this.#chunkMs = atMs;
    this.#windows.push(ring, from, to, atMs, this.#onLoud);
    this.#samplesHeard += to - from;
  }

  #chunkFrom = 0;
  #chunkMs = 0;

  readonly #onLoud = (fromMs: number, toMs: number): void => {
    this.#lastSoundMs = toMs;
    const before = this.spurts.lastMs;
    const begins = this.spurts.add(fromMs, toMs);
    const spurt = this.spurts.list.at(-1);
    if (spurt === undefined || spurt.toMs !== toMs) return;
    if (begins && (before === undefined || spurt.fromMs - before >= UTTERANCE_PAUSE_MS)) {
      this.#utteranceFrom = Math.max(0, this.#samplesAt(spurt.fromMs));
    }
    this.#lastSpeechAt = this.#samplesAt(toMs);
    if (begins) this.onSpurt?.(spurt.fromMs);
  };

  /** Samples heard before `ms`, which lies in (or just before) the chunk that is being heard. */
  #samplesAt(ms: number): number {
    return this.#chunkFrom + Math.round(((ms - this.#chunkMs) * this.#rate) / 1000);
  }
}
