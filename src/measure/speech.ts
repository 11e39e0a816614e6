import { SILENCE_DBFS } from '../media/level.ts';
import { isVoiced, VOICING_HISTORY, VOICING_RATE } from '../media/voicing.ts';

/**
 * Where in a channel somebody speaks: by energy above the noise around it, and by its periodicity, so that hiss is not taken for speech, however loud.
 * Everything lies before us, so the noise is known from both sides of each moment and edges are found where they are, to one window. Tones are speech.
 */

/** A stretch of samples, the end not included. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Length of a window, ms: the resolution of every edge. */
const WINDOW_MS = 5;
/** Levels are judged over so many windows, since one alone of noise varies by decibels. */
const SMOOTH = 4;
/** Below it nothing is speech, dBFS: above the idle noise of a telephone line and the steps of G.711. */
const LEAST_DBFS = -50;
/** Speech stands above the noise by at least so much, dB. */
const MARGIN_DB = 6;
/** Noise is what the quietest of all windows have that are not periodic, nor close to one that is, so far to either side, ms. */
const NOISE_SHARE = 0.15;
const NOISE_REACH_MS = 2_000;
const NOISE_APART_MS = 60;
/** What is hardly louder than the quietest of the whole channel is noise without a look, dB: looking is most of the work. */
const NOISE_PLAIN_DB = 4;
const PLAIN_EVERY = 20;
/** Fewer windows than that say nothing of the noise. */
const NOISE_LEAST = 10;
/** Silence within speech that does not end it, ms: agents pause between sentences, and nobody takes that for the end. */
export const PAUSE_MS = 250;
/** The shortest silence that is told of at all, ms. */
export const GAP_MS = 40;
/** Sound shorter than that, with silence of `CLICK_APART_MS` around it, is a click, ms. */
const CLICK_MS = 25;
const CLICK_APART_MS = 120;
/** Speech has at least so much that is periodic, a share of it all, and so much sound, ms. */
const VOICED_MS = 30;
const VOICED_SHARE = 0.08;
const SOUND_MS = 40;
/** Sound that is not periodic belongs to the speech it borders on for so long, ms: a sibilant, not the noise that came up with it. */
const UNVOICED_EDGE_MS = 500;
/** Periodicity is looked at each so many windows. */
const VOICED_EVERY = 3;
/** Correlation from which a window is periodic: short words whose pitch glides have no more. */
const VOICED_LEAST = 0.4;
/** The noise between is taken so far from all speech, and where there is so much of it, ms. */
const REST_APART_MS = 50;
const REST_LEAST_MS = 200;
/** As long as the ear of the periodicity: what is periodic is known so much after it began, ms. */
const VOICED_LATE_MS = 30;

/** One-pole high-pass at about 100 Hz for 24 kHz: neither a DC offset nor hum is speech. */
const HIGH_PASS = 0.974;
const BIN_DB = 0.5;
const BINS = 256;
const LOWEST_DBFS = -BINS * BIN_DB;

interface Windows {
  readonly count: number;
  /** Level of each window, and smoothed over `SMOOTH`, dBFS. */
  readonly level: Float32Array;
  readonly smooth: Float32Array;
  /** Whether something periodic ends in it. */
  readonly voiced: Uint8Array;
}

/** The parts of the stretches that lie within the bounds. */
export function clip(stretches: readonly Stretch[], { from, to }: Stretch): Stretch[] {
  return stretches
    .filter((one) => one.to > from && one.from < to)
    .map((one) => ({ from: Math.max(from, one.from), to: Math.min(to, one.to) }));
}

/** What is found in a channel. */
export interface Heard {
  /** All speech, in order; pauses of less than `PAUSE_MS` do not part. */
  readonly speech: readonly Stretch[];
  /** The same with every pause from `GAP_MS` on. */
  readonly sounds: readonly Stretch[];
  /** The median level of the rest, dBFS; `SILENCE_DBFS` for digital silence; undefined where there is too little of it. */
  readonly noiseDbfs: number | undefined;
}

/** Finds the speech of a channel. `rate`: a multiple of 8000 Hz. */
export function listen(samples: Int16Array, rate: number): Heard {
  const windows = look(samples, rate);
  const loud = withoutClicks(loudRuns(windows));
  const spoken = join(loud, PAUSE_MS)
    .map((run) => trimUnvoiced(run, windows))
    .filter((run) => isSpeech(run, windows));
  const window = (rate * WINDOW_MS) / 1000;
  const inSamples = (runs: readonly Stretch[]) =>
    runs.map(({ from, to }) => ({ from: from * window, to: Math.min(samples.length, to * window) }));
  return {
    speech: inSamples(spoken),
    sounds: inSamples(
      join(
        spoken.flatMap((one) => clip(loud, one)),
        GAP_MS,
      ),
    ),
    noiseDbfs: restOf(spoken, windows),
  };
}

/** The median level of what is not speech, nor close to it. */
function restOf(spoken: readonly Stretch[], { count, smooth }: Windows): number | undefined {
  const apart = REST_APART_MS / WINDOW_MS;
  const rest: number[] = [];
  let next = 0;
  for (let w = 0; w < count; w++) {
    while (next < spoken.length && spoken[next]!.to + apart <= w) next++;
    if (next === spoken.length || w < spoken[next]!.from - apart) rest.push(smooth[w]!);
  }
  if (rest.length * WINDOW_MS < REST_LEAST_MS) return undefined;
  return Math.max(SILENCE_DBFS, rest.sort((a, b) => a - b)[rest.length >> 1]!);
}

function look(samples: Int16Array, rate: number): Windows {
  const window = (rate * WINDOW_MS) / 1000;
  const count = Math.ceil(samples.length / window);
  const power = new Float64Array(count + 1);
  const level = new Float32Array(count);
  const slow = rate / VOICING_RATE;
  // Padded in front, so that the first window has a history, too.
  const emphasised = new Float64Array(VOICING_HISTORY + Math.ceil(samples.length / slow));
  const offset = meanOf(samples);
  let previous = samples[0] ?? 0;
  let filtered = 0;
  let sum = 0;
  let before = 0;
  let at = VOICING_HISTORY;
  let inGroup = 0;
  for (let w = 0; w < count; w++) {
    const end = Math.min(samples.length, (w + 1) * window);
    let energy = 0;
    let plain = 0;
    for (let i = w * window; i < end; i++) {
      const x = samples[i]!;
      plain += (x - offset) * (x - offset);
      filtered = HIGH_PASS * (filtered + x - previous);
      previous = x;
      energy += filtered * filtered;
      sum += filtered;
      if (++inGroup === slow) {
        emphasised[at++] = sum - 0.9 * before;
        before = sum;
        sum = 0;
        inGroup = 0;
      }
    }
    // What the filter still rings of when a sound has been cut off is no sound.
    energy = Math.min(energy, plain);
    power[w + 1] = power[w]! + energy;
    level[w] = decibels(energy, window);
  }
  const smooth = new Float32Array(count);
  for (let w = 0; w < count; w++) {
    const from = Math.max(0, w - SMOOTH / 2);
    const to = Math.min(count, w + SMOOTH / 2);
    smooth[w] = decibels(power[to]! - power[from]!, (to - from) * window);
  }
  return { count, level, smooth, voiced: voicing(emphasised, smooth, window / slow) };
}

function meanOf(samples: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]!;
  return samples.length === 0 ? 0 : sum / samples.length;
}

/** The level of `count` samples whose squares add up to `energy`; 0 dBFS is a sine of full scale. */
function decibels(energy: number, count: number): number {
  return Math.max(LOWEST_DBFS, 10 * Math.log10((2 * Math.max(0, energy)) / count / 1_073_741_824 + 1e-13));
}

function voicing(emphasised: Float64Array, smooth: Float32Array, step: number): Uint8Array {
  const voiced = new Uint8Array(smooth.length);
  const periodic = (w: number) =>
    isVoiced(emphasised, Math.min(emphasised.length, VOICING_HISTORY + (w + 1) * step), VOICED_LEAST);
  const plain = plainLevel(smooth, periodic);
  for (let w = 0; w < smooth.length; w += VOICED_EVERY) {
    if (smooth[w]! > plain && periodic(w)) voiced.fill(1, w, w + VOICED_EVERY);
  }
  return voiced;
}

/** The level up to which windows are noise without a look; where some are tried, few may be periodic: a channel may be all one tone. */
function plainLevel(smooth: Float32Array, periodic: (w: number) => boolean): number {
  const all = new Histogram();
  for (const level of smooth) all.add(level, 1);
  const plain = (all.quantile() ?? LOWEST_DBFS) + NOISE_PLAIN_DB;
  if (plain <= LEAST_DBFS) return LEAST_DBFS;
  let looks = 0;
  let found = 0;
  for (let w = 0; w < smooth.length; w += PLAIN_EVERY) {
    if (smooth[w]! > plain || smooth[w]! < LEAST_DBFS) continue;
    looks++;
    if (periodic(w)) found++;
  }
  return found * 4 > looks ? LEAST_DBFS : plain;
}

/** Runs of windows that are louder than the noise around them. */
function loudRuns(windows: Windows): Stretch[] {
  const noise = noiseOf(windows);
  const runs: Stretch[] = [];
  for (let w = 0; w < windows.count; ) {
    const limit = Math.max(LEAST_DBFS, noise[w]! + MARGIN_DB);
    if (windows.smooth[w]! <= limit) {
      w++;
      continue;
    }
    let end = w;
    while (end < windows.count && windows.smooth[end]! > Math.max(LEAST_DBFS, noise[end]! + MARGIN_DB)) end++;
    // Smoothing makes a run longer than its sound: its edges are those of the windows themselves.
    let from = w;
    let to = end;
    while (from < to && windows.level[from]! <= Math.max(LEAST_DBFS, noise[from]! + MARGIN_DB)) from++;
    while (to > from && windows.level[to - 1]! <= Math.max(LEAST_DBFS, noise[to - 1]! + MARGIN_DB)) to--;
    if (to > from) runs.push({ from, to });
    w = end;
  }
  return runs;
}

/** The noise at each window, dBFS: of what lies before and what lies behind it the quieter. Speech that borders on louder noise is told from it later. */
function noiseOf(windows: Windows): Float32Array {
  const reach = NOISE_REACH_MS / WINDOW_MS;
  const noise = new Float32Array(windows.count);
  const before = new Histogram();
  const behind = new Histogram();
  const all = new Histogram();
  const apart = NOISE_APART_MS / WINDOW_MS;
  // How many periodic windows there are up to each.
  const voiced = new Int32Array(windows.count + 1);
  for (let w = 0; w < windows.count; w++) voiced[w + 1] = voiced[w]! + windows.voiced[w]!;
  const usable = (w: number) =>
    w >= 0 && w < windows.count && voiced[Math.min(windows.count, w + apart + 1)]! === voiced[Math.max(0, w - apart)]!;
  for (let w = 0; w < windows.count; w++) if (usable(w)) all.add(windows.smooth[w]!, 1);
  for (let w = 0; w < reach; w++) if (usable(w)) behind.add(windows.smooth[w]!, 1);
  const overall = all.quantile() ?? LOWEST_DBFS;
  for (let w = 0; w < windows.count; w++) {
    if (usable(w)) {
      before.add(windows.smooth[w]!, 1);
      behind.add(windows.smooth[w]!, -1);
    }
    if (usable(w - reach)) before.add(windows.smooth[w - reach]!, -1);
    if (usable(w + reach)) behind.add(windows.smooth[w + reach]!, 1);
    const left = before.quantile();
    const right = behind.quantile();
    noise[w] = left === undefined ? (right ?? overall) : Math.min(left, right ?? left);
  }
  return noise;
}

/** Levels counted in steps of half a decibel. */
class Histogram {
  readonly #bins = new Int32Array(BINS);
  #n = 0;

  add(level: number, by: 1 | -1): void {
    this.#bins[Math.min(BINS - 1, Math.max(0, Math.floor((level - LOWEST_DBFS) / BIN_DB)))]! += by;
    this.#n += by;
  }

  /** The level that the share of noise is below; undefined where too few are known. */
  quantile(): number | undefined {
    if (this.#n < NOISE_LEAST) return undefined;
    let left = this.#n * NOISE_SHARE;
    let bin = 0;
    while (bin < BINS - 1 && left > this.#bins[bin]!) left -= this.#bins[bin++]!;
    return LOWEST_DBFS + bin * BIN_DB;
  }
}

function withoutClicks(runs: readonly Stretch[]): Stretch[] {
  const joined = join(runs, WINDOW_MS * SMOOTH);
  return joined.filter(({ from, to }, i) => {
    if ((to - from) * WINDOW_MS >= CLICK_MS) return true;
    const before = (from - (joined[i - 1]?.to ?? Number.NEGATIVE_INFINITY)) * WINDOW_MS;
    const behind = ((joined[i + 1]?.from ?? Number.POSITIVE_INFINITY) - to) * WINDOW_MS;
    return Math.min(before, behind) < CLICK_APART_MS;
  });
}

function join(runs: readonly Stretch[], pauseMs: number): Stretch[] {
  const joined: Array<{ from: number; to: number }> = [];
  for (const { from, to } of runs) {
    const last = joined.at(-1);
    if (last !== undefined && (from - last.to) * WINDOW_MS < pauseMs) last.to = to;
    else joined.push({ from, to });
  }
  return joined;
}

/** Without what of its edges is not periodic for longer than any sound of speech. */
function trimUnvoiced(run: Stretch, { voiced }: Windows): Stretch {
  let first = run.from;
  while (first < run.to && voiced[first] === 0) first++;
  let last = run.to;
  while (last > first && voiced[last - 1] === 0) last--;
  const edge = UNVOICED_EDGE_MS / WINDOW_MS;
  return {
    from: first - run.from > edge ? Math.max(run.from, first - VOICED_LATE_MS / WINDOW_MS) : run.from,
    to: run.to - last > edge ? last : run.to,
  };
}

function isSpeech({ from, to }: Stretch, { voiced }: Windows): boolean {
  let periodic = 0;
  for (let w = from; w < to; w++) periodic += voiced[w]!;
  return (
    periodic * WINDOW_MS >= VOICED_MS && periodic >= VOICED_SHARE * (to - from) && (to - from) * WINDOW_MS >= SOUND_MS
  );
}
