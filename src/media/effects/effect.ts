/** One thing that becomes of audio on its way. It counts samples, not time, and is the same however the stream is cut into frames. */
export interface Effect {
  /** Changes the next samples of the stream in place. */
  apply(samples: Int16Array): void;
}

/** A sample of 16 bits: what lies beyond full scale stays at full scale. */
export function clip(sample: number): number {
  return sample >= 32_767 ? 32_767 : sample <= -32_768 ? -32_768 : Math.round(sample);
}

/** The RMS amplitude (in units of samples) that reads as this level, dBFS: a sine that just reaches full scale reads 0 (see `level.ts`). */
export function rmsAmplitude(dbfs: number): number {
  return (32_768 / Math.SQRT2) * 10 ** (dbfs / 20);
}
