/**
 * Tones, made and found. A path is proven by tone: each end plays its own and must find the other's, and only that; swapped
 * legs, a wrong rate, a wrong law and a lost channel all fail the proof.
 *
 * Levels are in dBFS, 0 being a sine that just reaches full scale (as in `level.ts`).
 */

import { amplitudeToDbfs, dbfsToAmplitude, SILENCE_DBFS } from './level.ts';

const FULL_SCALE = 32_768;

/**
 * The 4-term Blackman-Harris window (-92 dB side lobes; F. J. Harris, Proc. IEEE 66, 1978): a tone's leakage stays within
 * four bins of it, so that a second tone 80 dB below is found and not a side lobe of the first.
 */
const WINDOW = [0.35875, -0.48829, 0.14128, -0.01168] as const;
/** Bins from the middle of a tone's main lobe to its end. */
const LOBE_BINS = 4;

/** A sine whose phase runs on from one call to the next, whatever their lengths. */
export class ToneGenerator {
  readonly sampleRate: number;
  readonly #amplitude: number;
  #step: number;
  /** In turns, 0 to 1: it never grows, so it never loses precision. */
  #phase = 0;

  /** `hz`: 0 up to half of `sampleRate`. `dbfs`: 0 for full scale. Throws a RangeError for a frequency the rate cannot carry. */
  constructor(hz: number, sampleRate: number, dbfs = -6) {
    this.sampleRate = sampleRate;
    this.#amplitude = Math.min(FULL_SCALE - 1, FULL_SCALE * dbfsToAmplitude(dbfs));
    this.#step = this.#stepOf(hz);
  }

  /** Changes the frequency without a jump in the wave. */
  set hz(hz: number) {
    this.#step = this.#stepOf(hz);
  }

  get hz(): number {
    return this.#step * this.sampleRate;
  }

  #stepOf(hz: number): number {
    if (!(hz >= 0 && hz <= this.sampleRate / 2)) throw new RangeError(`tone: ${hz} Hz at ${this.sampleRate} samples/s`);
    return hz / this.sampleRate;
  }

  /** Fills `dst` with the next samples and returns it. */
  fill(dst: Int16Array): Int16Array {
    let phase = this.#phase;
    for (let i = 0; i < dst.length; i++) {
      dst[i] = Math.round(this.#amplitude * Math.sin(2 * Math.PI * phase));
      phase += this.#step;
      if (phase >= 1) phase -= 1;
    }
    this.#phase = phase;
    return dst;
  }
}

/** `ms` milliseconds of a tone in a buffer of its own. */
export function makeTone(hz: number, sampleRate: number, ms: number, dbfs = -6): Int16Array {
  return new ToneGenerator(hz, sampleRate, dbfs).fill(new Int16Array(Math.round((ms * sampleRate) / 1000)));
}

/** A window of so many samples, and the sum of its values. */
interface Window {
  readonly values: Float64Array;
  readonly gain: number;
}

/** Windows that were asked for: whoever looks through a recording takes one length over and over. Longer ones, and more, are not kept. */
const windows = new Map<number, Window>();
const KEPT_SAMPLES = 65_536;
const KEPT_MOST = 16;

function windowOf(n: number): Window {
  const kept = windows.get(n);
  if (kept !== undefined) return kept;
  const values = Float64Array.from({ length: n }, (_, i) => {
    const turn = (2 * Math.PI * (i + 0.5)) / n;
    return WINDOW[0] + WINDOW[1] * Math.cos(turn) + WINDOW[2] * Math.cos(2 * turn) + WINDOW[3] * Math.cos(3 * turn);
  });
  const made: Window = { values, gain: values.reduce((sum, value) => sum + value, 0) };
  if (n <= KEPT_SAMPLES) {
    if (windows.size >= KEPT_MOST) windows.clear();
    windows.set(n, made);
  }
  return made;
}

/**
 * The level of the tone at exactly `hz` in dBFS, by one windowed bin of the Fourier transform (Goertzel's sum at a free frequency).
 * Right to 0.01 dB for a tone at `hz`; 0.8 dB too low for one half a bin (`rate / samples.length / 2` Hz) away. Needs some ten periods.
 */
export function toneLevel(samples: Int16Array, rate: number, hz: number): number {
  const n = samples.length;
  if (n === 0) return SILENCE_DBFS;
  const { values, gain } = windowOf(n);
  // A pointer that turns by one step a sample, in place of a sine and a cosine of each.
  const step = (2 * Math.PI * hz) / rate;
  const [turnX, turnY] = [Math.cos(step), Math.sin(step)];
  let x = 1;
  let y = 0;
  let re = 0;
  let im = 0;
  for (let i = 0; i < n; i++) {
    const weighted = values[i]! * samples[i]!;
    re += weighted * x;
    im += weighted * y;
    const turned = x * turnX - y * turnY;
    y = x * turnY + y * turnX;
    x = turned;
  }
  return amplitudeToDbfs((2 * Math.hypot(re, im)) / gain / FULL_SCALE);
}

/** Amplitudes (1 being full scale) of the bins 0 to half, `rate / size` Hz apart, of the windowed samples padded to `size`. */
interface Spectrum {
  readonly amplitudes: Float64Array;
  readonly binHz: number;
  /** Half the width of a tone's main lobe, in Hz. */
  readonly lobeHz: number;
}

function spectrumOf(samples: Int16Array, rate: number): Spectrum {
  const n = samples.length;
  // Padded to at least twice the length, a peak has a bin within a quarter of the window's own bins.
  const size = 2 ** Math.ceil(Math.log2(Math.max(2 * n, 16)));
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  const { values, gain } = windowOf(n);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += samples[i]! / n;
  // A constant is not a tone; left in, its main lobe would hide the lowest frequencies.
  for (let i = 0; i < n; i++) re[i] = values[i]! * (samples[i]! - mean);
  fft(re, im);
  const amplitudes = new Float64Array(size / 2 + 1);
  // Not by `Math.hypot`, whose care for what is too large or too small takes longer than the transform.
  const scale = 2 / gain / FULL_SCALE;
  for (let k = 0; k < amplitudes.length; k++) {
    const [x, y] = [re[k]!, im[k]!];
    amplitudes[k] = Math.sqrt(x * x + y * y) * scale;
  }
  return { amplitudes, binHz: rate / size, lobeHz: (LOBE_BINS * rate) / n };
}

/** The bin with the largest amplitude among those more than `awayHz` from `fromHz`, or -1 when there is none above zero. */
function loudestBin(spectrum: Spectrum, fromHz = 0, awayHz = -1): number {
  let best = -1;
  let most = 0;
  for (let k = 0; k < spectrum.amplitudes.length; k++) {
    if (spectrum.amplitudes[k]! > most && Math.abs(k * spectrum.binHz - fromHz) > awayHz) {
      most = spectrum.amplitudes[k]!;
      best = k;
    }
  }
  return best;
}

/**
 * The loudest tone in the samples: its frequency in Hz, to about a hundredth of `rate / samples.length`, and its level in dBFS.
 * `{ hz: 0, dbfs: SILENCE_DBFS }` for digital silence and for a constant.
 */
export function dominantTone(samples: Int16Array, rate: number): { hz: number; dbfs: number } {
  const spectrum = spectrumOf(samples, rate);
  const k = loudestBin(spectrum);
  if (k < 0 || spectrum.amplitudes[k]! < 1e-6) return { hz: 0, dbfs: SILENCE_DBFS };
  // The window's main lobe is close to a parabola in dB: its top lies between the bins.
  const at = (bin: number) => Math.log(Math.max(1e-12, spectrum.amplitudes[bin] ?? 0));
  const left = at(k - 1);
  const right = at(k + 1);
  const bend = left - 2 * at(k) + right;
  const offset = k === 0 || k === spectrum.amplitudes.length - 1 || bend === 0 ? 0 : (left - right) / (2 * bend);
  const hz = (k + offset) * spectrum.binHz;
  return { hz, dbfs: toneLevel(samples, rate, hz) };
}

/** What `isToneAlone` asks: both limits in dBFS. */
export interface ToneAloneLimits {
  /** The tone must be at least this loud. */
  readonly minDb: number;
  /** Every other tone must be at most this loud. */
  readonly maxOtherDb: number;
}

/**
 * Whether the samples carry the tone `hz`, at `minDb` dBFS or louder, and no other above `maxOtherDb` dBFS. "Other" is whatever lies
 * outside the tone's own main lobe (4 * rate / samples.length Hz to either side); a constant is not counted.
 * Through G.711, take a tone that does not divide 8000 Hz: the distortion of 1020 Hz at -6 dBFS stays below -50 dBFS in any one place,
 * that of 1000 Hz gathers in one harmonic at -40 dBFS. 100 ms or more make a fair test.
 */
export function isToneAlone(samples: Int16Array, rate: number, hz: number, limits: ToneAloneLimits): boolean {
  if (samples.length === 0 || toneLevel(samples, rate, hz) < limits.minDb) return false;
  const spectrum = spectrumOf(samples, rate);
  // One bin more than the lobe, for a tone that is a fraction of a bin away from the `hz` it is said to have.
  const k = loudestBin(spectrum, hz, spectrum.lobeHz * 1.25);
  return k < 0 || amplitudeToDbfs(spectrum.amplitudes[k]!) <= limits.maxOtherDb;
}

/** Fourier transform in place, radix 2. The length is a power of two. */
function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const r = re[i]!;
      re[i] = re[j]!;
      re[j] = r;
      const m = im[i]!;
      im[i] = im[j]!;
      im[j] = m;
    }
  }
  const turns = turnsOf(n);
  for (let half = 1, stride = n / 2; half < n; half *= 2, stride /= 2) {
    for (let from = 0; from < n; from += 2 * half) {
      for (let k = 0; k < half; k++) {
        const c = turns.x[k * stride]!;
        const s = turns.y[k * stride]!;
        const a = from + k;
        const b = a + half;
        const r = re[b]! * c - im[b]! * s;
        const m = re[b]! * s + im[b]! * c;
        re[b] = re[a]! - r;
        im[b] = im[a]! - m;
        re[a] = re[a]! + r;
        im[a] = im[a]! + m;
      }
    }
  }
}

/** Half a turn in `n / 2` steps. */
interface Turns {
  readonly n: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Those of the transform before: the next has its length, as a rule. */
let turned: Turns | undefined;

function turnsOf(n: number): Turns {
  if (turned?.n === n) return turned;
  const at = (of: (angle: number) => number) =>
    Float64Array.from({ length: n / 2 }, (_, k) => of((-2 * Math.PI * k) / n));
  const made = { n, x: at(Math.cos), y: at(Math.sin) };
  if (n <= 2 * KEPT_SAMPLES) turned = made;
  return made;
}
