/**
 * How loud a run of samples is, in dBFS as AES17 counts it: a sine that just reaches full scale reads 0 dB both as RMS and as peak.
 * (RFC 6464's dBov and a square wave's RMS are 3.01 dB apart from it: a full-scale square wave reads +3.01 dB RMS here.)
 */

/** What digital silence reads, where the logarithm has no value; below the quietest 16-bit signal (-90.3 dB peak). */
export const SILENCE_DBFS = -127;

/** Amplitude of a full-scale sine: one more than the largest positive sample. */
const FULL_SCALE = 32_768;

/** An amplitude (0 to 1, 1 being full scale) in dB; `SILENCE_DBFS` at the least. */
export function amplitudeToDbfs(amplitude: number): number {
  return amplitude > 0 ? Math.max(SILENCE_DBFS, 20 * Math.log10(amplitude)) : SILENCE_DBFS;
}

/** The amplitude (1 being full scale) of a level in dBFS. */
export function dbfsToAmplitude(dbfs: number): number {
  return 10 ** (dbfs / 20);
}

/** The mean of the squares of samples whose RMS level is `dbfs`. */
export function meanSquareOf(dbfs: number): number {
  return (dbfsToAmplitude(dbfs) * FULL_SCALE) ** 2 / 2;
}

/** The level of `count` samples whose squares add up to `sumOfSquares`. */
function rmsOf(sumOfSquares: number, count: number): number {
  return count === 0 ? SILENCE_DBFS : amplitudeToDbfs(Math.sqrt((2 * sumOfSquares) / count) / FULL_SCALE);
}

/**
 * The squares of the samples from `from` up to `to`, added up. Of every sample: with every fourth of them a tone at a quarter of the rate is
 * a constant, and may read as silence (aliasing). Four at a time, which costs little more than every fourth did.
 */
export function sumOfSquares(samples: Int16Array, from = 0, to: number = samples.length): number {
  const whole = to - ((to - from) & 3);
  let sum = 0;
  let at = from;
  for (; at < whole; at += 4) {
    const a = samples[at]!;
    const b = samples[at + 1]!;
    const c = samples[at + 2]!;
    const d = samples[at + 3]!;
    sum += a * a + b * b + (c * c + d * d);
  }
  for (; at < to; at++) sum += samples[at]! * samples[at]!;
  return sum;
}

/** RMS level of the samples in dBFS; `SILENCE_DBFS` for none. */
export function rmsDbfs(samples: Int16Array): number {
  return rmsOf(sumOfSquares(samples), samples.length);
}

/** Peak level of the samples in dBFS; `SILENCE_DBFS` for none. */
export function peakDbfs(samples: Int16Array): number {
  return amplitudeToDbfs(peakOf(samples) / FULL_SCALE);
}

/** Audio whose peak is not above this (about -54 dBFS) is silence, or next to it. */
export const SILENT_PEAK = 63;

/** Whether no sample's magnitude is above `peak`. Ends at the first that is, so speech costs next to nothing. */
export function staysWithin(samples: Int16Array, peak: number): boolean {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    if (sample > peak || sample < -peak) return false;
  }
  return true;
}

function peakOf(samples: Int16Array): number {
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const magnitude = Math.abs(samples[i]!);
    if (magnitude > peak) peak = magnitude;
  }
  return peak;
}

/**
 * Whether the samples' RMS stays below `thresholdDbfs`. The default is under the idle noise of a quiet telephone line and above
 * the +8 that A-law decodes silence to (about -69 dBFS).
 */
export function isSilent(samples: Int16Array, thresholdDbfs = -60): boolean {
  return rmsDbfs(samples) < thresholdDbfs;
}

/** Length of the blocks a `LevelMeter` forgets one at a time. */
const BLOCK_MS = 10;

/**
 * Level over the last `windowMs` of a stream, kept in blocks of 10 ms: the window is as long as asked to within one block.
 * Counts samples, not time: it needs no clock. Allocates nothing after construction.
 */
export class LevelMeter {
  readonly sampleRate: number;
  readonly #blockSamples: number;
  readonly #sums: Float64Array;
  readonly #peaks: Int32Array;
  #sum = 0;
  #peak = 0;
  #inBlock = 0;
  /** The ring's next place, and how many of its places hold a finished block. */
  #next = 0;
  #blocks = 0;

  /** Throws a RangeError unless the rate is a positive multiple of 100 Hz and the window at least one block of 10 ms. */
  constructor(sampleRate: number, windowMs: number) {
    const blocks = Math.round(windowMs / BLOCK_MS);
    if (!Number.isInteger(sampleRate / 100) || sampleRate <= 0)
      throw new RangeError(`level: sample rate ${sampleRate}`);
    if (!(blocks >= 1) || !Number.isFinite(blocks)) throw new RangeError(`level: window of ${windowMs} ms`);
    this.sampleRate = sampleRate;
    this.#blockSamples = (sampleRate * BLOCK_MS) / 1000;
    this.#sums = new Float64Array(blocks);
    this.#peaks = new Int32Array(blocks);
  }

  /** Takes the next samples of the stream, any number of them. */
  push(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      this.#sum += sample * sample;
      const magnitude = Math.abs(sample);
      if (magnitude > this.#peak) this.#peak = magnitude;
      if (++this.#inBlock === this.#blockSamples) this.#endBlock();
    }
  }

  #endBlock(): void {
    this.#sums[this.#next] = this.#sum;
    this.#peaks[this.#next] = this.#peak;
    this.#next = (this.#next + 1) % this.#sums.length;
    this.#blocks = Math.min(this.#blocks + 1, this.#sums.length);
    this.#sum = 0;
    this.#peak = 0;
    this.#inBlock = 0;
  }

  /** RMS level over the window in dBFS; `SILENCE_DBFS` before the first sample. */
  get rmsDbfs(): number {
    let sum = this.#sum;
    for (let i = 0; i < this.#blocks; i++) sum += this.#sums[i]!;
    return rmsOf(sum, this.#blocks * this.#blockSamples + this.#inBlock);
  }

  /** Highest peak within the window in dBFS. */
  get peakDbfs(): number {
    let peak = this.#peak;
    for (let i = 0; i < this.#blocks; i++) peak = Math.max(peak, this.#peaks[i]!);
    return amplitudeToDbfs(peak / FULL_SCALE);
  }

  /** Whether the window is quieter than `thresholdDbfs`; see `isSilent`. */
  isSilent(thresholdDbfs = -60): boolean {
    return this.rmsDbfs < thresholdDbfs;
  }

  reset(): void {
    this.#sum = 0;
    this.#peak = 0;
    this.#inBlock = 0;
    this.#next = 0;
    this.#blocks = 0;
  }
}
