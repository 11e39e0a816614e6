import { Resampler } from '../../media/resample.ts';
import { SPEECH_RATE } from './speech.ts';

/** Samples of one 10 ms frame at 48 kHz. */
export const PLAYOUT_FRAME = 480;
/** Samples of the same time at 24 kHz. */
const SOURCE_FRAME = 240;

export interface PlayoutHandlers {
  /** The first frame of a response goes out. */
  started(responseId: string): void;
  /** The last frame of a response that was not cut has gone out. */
  stopped(responseId: string): void;
}

/** What was cut off by `clear`. */
export interface Cleared {
  readonly responseId: string;
  readonly itemId: string;
  /** Ms of the item that had been played. */
  readonly playedMs: number;
}

interface Segment {
  readonly responseId: string;
  readonly itemId: string;
  readonly audio: Int16Array;
  /** Where in the item this audio begins, samples. */
  readonly itemOffset: number;
}

/**
 * The play-out buffer that the service holds for WebRTC sessions: audio is generated faster than it is heard, and what was not heard
 * yet is thrown away when the caller speaks. It has no clock: whoever paces the line pulls frames.
 */
export class Playout {
  readonly #handlers: PlayoutHandlers;
  readonly #resampler = new Resampler(SPEECH_RATE, 48_000);
  readonly #input = new Int16Array(SOURCE_FRAME);
  readonly #segments: Segment[] = [];
  /** Responses whose audio is complete; each is told `stopped` when its last segment is played. */
  readonly #complete = new Set<string>();
  #at = 0;
  #playing: string | undefined;
  /** The item heard last and how many of its samples went out: generation may be slower than the line for a while. */
  #heard = { itemId: '', samples: 0 };
  /** Frames of silence that still carry the resampler's tail. */
  #tail = 0;

  constructor(handlers: PlayoutHandlers) {
    this.#handlers = handlers;
  }

  /** Ms of audio not yet played. */
  get queuedMs(): number {
    let samples = -this.#at;
    for (const segment of this.#segments) samples += segment.audio.length;
    return this.#segments.length === 0 ? 0 : (samples * 1000) / SPEECH_RATE;
  }

  get playing(): boolean {
    return this.#playing !== undefined || this.#segments.length > 0;
  }

  /** Queues generated audio. Borrowed until it is played: the caller must not change it. */
  push(responseId: string, itemId: string, audio: Int16Array, itemOffset: number): void {
    if (audio.length > 0) this.#segments.push({ responseId, itemId, audio, itemOffset });
  }

  /** No more audio will come for this response. */
  complete(responseId: string): void {
    if (this.#playing === responseId || this.#segments.some((segment) => segment.responseId === responseId)) {
      this.#complete.add(responseId);
    }
    this.#settle();
  }

  /** Fills `out` (480 samples at 48 kHz) with the next 10 ms. Returns false, and leaves `out` alone, when there is only silence. */
  pull(out: Int16Array): boolean {
    if (this.#segments.length === 0 && this.#tail === 0) return false;
    const input = this.#input;
    let filled = 0;
    while (filled < SOURCE_FRAME) {
      const segment = this.#segments[0];
      if (segment === undefined) break;
      if (this.#playing !== segment.responseId) this.#begin(segment.responseId);
      const count = Math.min(SOURCE_FRAME - filled, segment.audio.length - this.#at);
      for (let i = 0; i < count; i++) input[filled + i] = segment.audio[this.#at + i]!;
      filled += count;
      this.#at += count;
      this.#heard.itemId = segment.itemId;
      this.#heard.samples = segment.itemOffset + this.#at;
      if (this.#at === segment.audio.length) {
        this.#segments.shift();
        this.#at = 0;
      }
    }
    this.#tail = filled > 0 ? 1 : 0;
    input.fill(0, filled);
    const frame = this.#resampler.process(input);
    for (let i = 0; i < PLAYOUT_FRAME; i++) out[i] = frame[i] ?? 0;
    if (filled > 0) this.#settle();
    return true;
  }

  /** Throws away what was not played; undefined when nothing was playing or waiting. */
  clear(): Cleared | undefined {
    const segment = this.#segments[0];
    const responseId = segment?.responseId ?? this.#playing;
    this.#segments.length = 0;
    this.#complete.clear();
    this.#playing = undefined;
    const started = segment === undefined || this.#heard.itemId === segment.itemId;
    const played = started ? this.#heard.samples : 0;
    this.#at = 0;
    if (this.#tail > 0) {
      this.#resampler.reset();
      this.#tail = 0;
    }
    if (responseId === undefined) return undefined;
    return {
      responseId,
      itemId: segment?.itemId ?? this.#heard.itemId,
      playedMs: Math.floor((played * 1000) / SPEECH_RATE),
    };
  }

  #begin(responseId: string): void {
    if (this.#playing !== undefined) this.#finish(this.#playing);
    this.#playing = responseId;
    this.#handlers.started(responseId);
  }

  #settle(): void {
    const playing = this.#playing;
    if (playing === undefined || !this.#complete.has(playing)) return;
    if (this.#segments[0]?.responseId === playing) return;
    this.#finish(playing);
  }

  #finish(responseId: string): void {
    this.#complete.delete(responseId);
    this.#playing = undefined;
    this.#handlers.stopped(responseId);
  }
}
