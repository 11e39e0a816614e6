/** The outline of a stereo recording: the highest magnitude of each side in each 50 ms, one byte each. */

export const PEAK_MS = 50;

/** Gathers the outline while audio passes. */
export class PeakMeter {
  readonly #perStep: number;
  #bytes = new Uint8Array(1_024);
  #length = 0;
  #inStep = 0;
  #left = 0;
  #right = 0;

  constructor(sampleRate: number) {
    this.#perStep = (sampleRate * PEAK_MS) / 1000;
  }

  /** Takes interleaved samples. */
  push(stereo: Int16Array): void {
    for (let i = 0; i < stereo.length; i += 2) {
      const left = Math.abs(stereo[i]!);
      const right = Math.abs(stereo[i + 1]!);
      if (left > this.#left) this.#left = left;
      if (right > this.#right) this.#right = right;
      if (++this.#inStep === this.#perStep) this.#step();
    }
  }

  /** The whole outline: caller, agent, caller, agent, ...; 255 is full scale. Ends the step that was begun. */
  get bytes(): Uint8Array {
    if (this.#inStep > 0) this.#step();
    return this.sofar;
  }

  /** The steps that are full. */
  get sofar(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #step(): void {
    if (this.#length === this.#bytes.length) {
      const longer = new Uint8Array(this.#length * 2);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    // Rounded up, so that what is not silent does not look silent.
    this.#bytes[this.#length++] = Math.min(255, Math.ceil((this.#left * 255) / 32_768));
    this.#bytes[this.#length++] = Math.min(255, Math.ceil((this.#right * 255) / 32_768));
    this.#inStep = 0;
    this.#left = 0;
    this.#right = 0;
  }
}

/** What the console draws. */
export interface Waveform {
  readonly durationMs: number;
  readonly buckets: number;
  /** Highest magnitude in each bucket, 0 to 1. */
  readonly caller: readonly number[];
  readonly agent: readonly number[];
}

/** The outline in `buckets` equal parts of its time. With more buckets than steps, neighbours share a step. */
export function waveform(outline: Uint8Array, durationMs: number, buckets: number): Waveform {
  const steps = outline.length / 2;
  const side = (offset: number) =>
    Array.from({ length: buckets }, (_, bucket) => {
      const from = Math.floor((bucket * steps) / buckets);
      const to = Math.max(from + 1, Math.ceil(((bucket + 1) * steps) / buckets));
      let peak = 0;
      for (let step = from; step < to; step++) peak = Math.max(peak, outline[2 * step + offset] ?? 0);
      return Math.round((peak / 255) * 1_000) / 1_000;
    });
  return { durationMs, buckets, caller: side(0), agent: side(1) };
}
