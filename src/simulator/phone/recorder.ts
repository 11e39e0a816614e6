/**
 * A stereo recording of a call as it was: the caller on the left, on the right what the caller heard, both on one time axis. Where nothing
 * was heard there is silence, so what was said when can be read off the picture.
 */

import { encodeWav } from '../../media/wav.ts';

/** Samples of one side, growing; a gap is silence. */
class Track {
  #samples = new Int16Array(16_384);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Puts `source[from..to)` where it sounded. What would lie before the end of what is there is moved behind it: sound is never lost. */
  put(at: number, source: Int16Array, from: number, to: number): void {
    const start = Math.max(at, this.#length);
    const end = start + (to - from);
    if (end > this.#samples.length) {
      const grown = new Int16Array(Math.max(end, this.#samples.length * 2));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    for (let i = from, j = start; i < to; i++, j++) this.#samples[j] = source[i]!;
    this.#length = end;
  }

  samples(): Int16Array {
    return this.#samples.subarray(0, this.#length);
  }
}

export class CallRecorder {
  readonly sampleRate: number;
  readonly #originMs: number;
  readonly #caller = new Track();
  readonly #agent = new Track();

  /** `originMs`: the clock's time of the first sample of both channels. */
  constructor(sampleRate: number, originMs: number) {
    this.sampleRate = sampleRate;
    this.#originMs = originMs;
  }

  /** `samples[from..to)` were said, the first at `atMs`. */
  caller(samples: Int16Array, from: number, to: number, atMs: number): void {
    this.#caller.put(this.#index(atMs), samples, from, to);
  }

  /** `samples[from..to)` were heard, the first at `atMs`. */
  agent(samples: Int16Array, from: number, to: number, atMs: number): void {
    this.#agent.put(this.#index(atMs), samples, from, to);
  }

  /** [caller, agent], of one length. The samples are copies. */
  channels(): [Int16Array, Int16Array] {
    const length = Math.max(this.#caller.length, this.#agent.length);
    return [this.#caller, this.#agent].map((track) => {
      const channel = new Int16Array(length);
      channel.set(track.samples());
      return channel;
    }) as [Int16Array, Int16Array];
  }

  /** A WAV file, 16-bit stereo. */
  wav(): Uint8Array {
    return encodeWav(this.channels(), this.sampleRate);
  }

  #index(atMs: number): number {
    return Math.max(0, Math.round(((atMs - this.#originMs) * this.sampleRate) / 1000));
  }
}
