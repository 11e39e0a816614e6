/**
 * The one form in which audio moves inside the bridge: mono, signed 16-bit linear PCM. Codecs live at the wires.
 */

/** A run of mono s16 samples. `samples` is borrowed: a sink may read it during `write()` and must copy what it keeps. */
export interface PcmFrame {
  readonly samples: Int16Array;
  /** Samples per second, in Hz. */
  readonly sampleRate: number;
  /** It is one sound, as a key is: whoever sends audio ahead of its being played sends all of it or nothing yet, since a hole in it would make two of it. Nor is its silence left out to win time back. */
  readonly whole?: true;
}

/** Where audio goes. A sink states its rate; whoever joins two ends converts only when the rates differ (see `link.ts`). */
export interface AudioSink {
  /** Hz. Every frame written must have this rate; a frame with another is dropped and counted. */
  readonly sampleRate: number;
  /** Takes any number of samples. Never throws, never awaits; what cannot be used is dropped and counted. */
  write(frame: PcmFrame): void;
  /** Discards what was accepted but not yet heard. */
  clear(): void;
  /** The path in words, for the log: "resample(48000>8000) -> pcmu -> phone". */
  toString(): string;
}

/** Length of a run of samples in milliseconds. */
export function samplesToMs(samples: number, sampleRate: number): number {
  return (samples * 1000) / sampleRate;
}

/** Whole samples in `ms` milliseconds, rounded to the nearest. */
export function msToSamples(ms: number, sampleRate: number): number {
  return Math.round((ms * sampleRate) / 1000);
}

/** A sink that hears nothing: the plug of a cable whose other end is not there yet, or gone. */
export function nullSink(sampleRate: number): AudioSink {
  return { sampleRate, write() {}, clear() {}, toString: () => 'null' };
}
