import { type AudioSink, type PcmFrame, samplesToMs } from '../media/frame.ts';
import type { Count } from './counters.ts';

/** How much of the caller's speech is kept while the model is not ready, ms. */
export const HOLDBACK_MS = 10_000;

/**
 * Keeps what the caller says while nobody can take it (the session is being set up, or built again after a break) and hands it on in
 * order afterwards, so that no first word is lost. Bounded: beyond 10 s the oldest goes, counted.
 */
export class Holdback implements AudioSink {
  readonly sampleRate: number;
  readonly #next: AudioSink;
  readonly #count: Count;
  #kept: Int16Array[] | undefined = [];
  #keptSamples = 0;

  constructor(next: AudioSink, count: Count) {
    this.sampleRate = next.sampleRate;
    this.#next = next;
    this.#count = count;
  }

  /** Begins to keep. */
  hold(): void {
    this.#kept ??= [];
  }

  /** Hands on what was kept and lets everything pass from now on. */
  release(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    this.#keptSamples = 0;
    for (const samples of kept ?? []) this.#next.write({ samples, sampleRate: this.sampleRate });
  }

  /** Audio kept at the moment, ms. */
  get heldMs(): number {
    return samplesToMs(this.#keptSamples, this.sampleRate);
  }

  write(frame: PcmFrame): void {
    if (this.#kept === undefined) {
      this.#next.write(frame);
      return;
    }
    this.#kept.push(frame.samples.slice());
    this.#keptSamples += frame.samples.length;
    const most = (HOLDBACK_MS * this.sampleRate) / 1000;
    while (this.#keptSamples > most && this.#kept.length > 1) {
      const oldest = this.#kept.shift()?.length ?? 0;
      this.#keptSamples -= oldest;
      this.#count('ms_dropped_holdback', samplesToMs(oldest, this.sampleRate));
    }
  }

  clear(): void {
    if (this.#kept !== undefined) this.#kept = [];
    this.#keptSamples = 0;
    this.#next.clear();
  }

  toString(): string {
    return `holdback -> ${this.#next}`;
  }
}
