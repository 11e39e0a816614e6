/**
 * Cuts a stream of arbitrary chunks into frames of one length, as a packetiser needs it: WebRTC takes 10 ms at a time,
 * a carrier 20 ms, and a model sends whatever it likes.
 */

/** Receives one full frame. `frame` is borrowed: it is overwritten once the call returns. */
export type OnFrame = (frame: Int16Array) => void;

/** Not reentrant: `onFrame` must not push into the framer that calls it. Allocates nothing after construction. */
export class Framer {
  /** Samples per frame. */
  readonly frameSamples: number;
  readonly #frame: Int16Array;
  #filled = 0;

  /** Throws a RangeError unless `frameSamples` is a positive integer. */
  constructor(frameSamples: number) {
    if (!Number.isInteger(frameSamples) || frameSamples <= 0) {
      throw new RangeError(`framer: not a frame length: ${frameSamples}`);
    }
    this.frameSamples = frameSamples;
    this.#frame = new Int16Array(frameSamples);
  }

  /** Samples that wait for their frame to be full: 0 to `frameSamples - 1`. */
  get pending(): number {
    return this.#filled;
  }

  /** Takes any number of samples and calls `onFrame` for every frame they fill, in order. */
  push(samples: Int16Array, onFrame: OnFrame): void {
    const frame = this.#frame;
    const size = this.frameSamples;
    let at = 0;
    // A loop over elements, not set(subarray()): a subarray is an object per frame, and 20 ms are only 160 to 960 samples.
    while (at < samples.length) {
      let filled = this.#filled;
      const end = Math.min(samples.length, at + size - filled);
      while (at < end) frame[filled++] = samples[at++]!;
      if (filled === size) {
        // The state is settled before the callback, so one that throws loses no more than its own frame.
        this.#filled = 0;
        onFrame(frame);
      } else {
        this.#filled = filled;
      }
    }
  }

  /**
   * Ends the stream. With `padWithSilence` a begun frame is filled with zeros and handed out; without, it is discarded.
   * Returns the samples that were pending.
   */
  flush(padWithSilence: boolean, onFrame: OnFrame): number {
    const pending = this.#filled;
    this.#filled = 0;
    if (pending > 0 && padWithSilence) {
      this.#frame.fill(0, pending);
      onFrame(this.#frame);
    }
    return pending;
  }

  /** Forgets the begun frame: what follows is a new stream. */
  reset(): void {
    this.#filled = 0;
  }
}
