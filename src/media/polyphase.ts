/**
 * One stage of rational resampling by L/M, as a polyphase FIR filter.
 *
 * Inputs are taken in groups of M and outputs made in groups of L, so that the stage is a small matrix of plain FIR filters: from
 * each of the M interleaved input streams to each of the L interleaved output streams. The prototype is a Kaiser-windowed sinc
 * that cuts at half the lower rate (a Nyquist filter): most of its taps at the lower rate's period are exactly zero and are never
 * multiplied, which halves a 2:1 stage and saves a third of a 3:1 stage.
 * See F. J. Harris, Multirate Signal Processing, chapters 5 to 8; R. E. Crochiere and L. R. Rabiner, Multirate Digital Signal Processing.
 */

/** The filter from one input stream to one output stream: `y[b] += sum(taps[i] * x[b - delay + i])`, b counting groups. */
interface Branch {
  readonly outputPhase: number;
  readonly inputPhase: number;
  /** Groups between the oldest input that is used and the output. */
  readonly delay: number;
  /** Oldest input first. */
  readonly taps: Float64Array;
  /** Whether it is the first branch of its output stream, which sets the sum that others add to. */
  readonly first: boolean;
}

/** A designed stage: immutable but for its working memory, and shared by all streams. */
export interface Stage {
  /** Outputs per group. */
  readonly up: number;
  /** Inputs per group. */
  readonly down: number;
  readonly latencyMs: number;
  readonly branches: readonly Branch[];
  /** Past groups that each input stream must remember. */
  readonly history: number;
  /** Per input phase: `history` past samples, then up to `MAX_GROUPS` new ones. Used only within one call of `process()`. */
  readonly work: readonly Float64Array[];
}

/** The most groups one call of `StageState.process()` takes, which bounds the working memory. */
const MAX_GROUPS = 2048;

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The modified Bessel function of the first kind and order zero, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * Designs the stage from `from` Hz to `to` Hz.
 * `halfLength`: the filter's reach to either side, in samples of the lower rate; the stage's latency is exactly that long.
 * `beta`: the Kaiser window's shape; more is a deeper stop band and a wider transition.
 */
export function designStage(from: number, to: number, halfLength: number, beta: number): Stage {
  const divisor = gcd(from, to);
  const up = to / divisor;
  const down = from / divisor;
  // All times below are in ticks of the common grid, from * up Hz: an input every `up` ticks, an output every `down`.
  const period = Math.max(up, down);
  const reach = halfLength * period;
  const prototype = (tick: number): number => {
    if (Math.abs(tick) >= reach) return 0;
    if (tick === 0) return up / period;
    if (tick % period === 0) return 0;
    const phase = (Math.PI * tick) / period;
    const window = besselI0(beta * Math.sqrt(1 - (tick / reach) ** 2)) / besselI0(beta);
    return ((up / period) * window * Math.sin(phase)) / phase;
  };
  const branches: Branch[] = [];
  for (let p = 0; p < up; p++) {
    // Every output phase gets a gain of exactly 1 at 0 Hz, else a constant would come out with a ripple at the input's rate.
    let gain = 0;
    const tapsByInput: { q: number; taps: number[]; newest: number }[] = [];
    for (let q = 0; q < down; q++) {
      const taps: number[] = [];
      let newest = 0;
      for (let d = 0; up * down * d + p * down - q * up < 2 * reach; d++) {
        const tap = prototype(up * down * d + p * down - q * up - reach);
        gain += tap;
        if (taps.length === 0 && tap === 0) newest = d + 1;
        else taps.push(tap);
      }
      while (taps.length > 0 && taps[taps.length - 1] === 0) taps.pop();
      if (taps.length > 0) tapsByInput.push({ q, taps, newest });
    }
    tapsByInput.forEach(({ q, taps, newest }, index) => {
      branches.push({
        outputPhase: p,
        inputPhase: q,
        delay: newest + taps.length - 1,
        taps: Float64Array.from(taps.reverse(), (tap) => tap / gain),
        first: index === 0,
      });
    });
  }
  const history = Math.max(...branches.map((branch) => branch.delay));
  return {
    up,
    down,
    latencyMs: (halfLength * 1000) / Math.min(from, to),
    branches,
    history,
    work: Array.from({ length: down }, () => new Float64Array(history + MAX_GROUPS)),
  };
}

/** What one stream remembers at one stage. */
export class StageState {
  readonly #stage: Stage;
  /** The last `history` samples of every input phase, one phase after the other. */
  readonly #past: Float64Array;
  /** The first inputs of a group that is not complete yet. */
  readonly #rest: Float64Array;
  #resting = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#past = new Float64Array(stage.history * stage.down);
    this.#rest = new Float64Array(stage.down);
  }

  /** Takes `count` inputs, writes the outputs they complete to `dst` and returns how many those are. `src` and `dst` differ. */
  process(src: Float64Array, count: number, dst: Float64Array): number {
    const { up, down, branches, history, work } = this.#stage;
    // The bitwise or keeps the count a small integer; as a double, the returned length would be an object per call.
    const groups = ((this.#resting + count) / down) | 0;
    if (groups > MAX_GROUPS) throw new RangeError('polyphase: too many samples in one call');
    this.#deal(src, count, groups);
    for (let k = 0; k < branches.length; k++) {
      const b = branches[k]!;
      const x = work[b.inputPhase]!;
      if (b.taps.length === 1) scale(x, history - b.delay, b.taps[0]!, dst, b.outputPhase, up, groups, b.first);
      else correlate(x, history - b.delay, b.taps, dst, b.outputPhase, up, groups, b.first);
    }
    for (let q = 0; q < down; q++) {
      const x = work[q]!;
      for (let i = 0; i < history; i++) this.#past[q * history + i] = x[groups + i]!;
    }
    return groups * up;
  }

  /** Deals the inputs out to the working memory of their phases, after what the stream remembers, and keeps the rest. */
  #deal(src: Float64Array, count: number, groups: number): void {
    const { down, history, work } = this.#stage;
    const resting = this.#resting;
    const used = groups * down;
    for (let q = 0; q < down; q++) {
      const x = work[q]!;
      for (let i = 0; i < history; i++) x[i] = this.#past[q * history + i]!;
      let group = 0;
      let at = q - resting;
      if (at < 0 && groups > 0) {
        x[history] = this.#rest[q]!;
        group = 1;
        at += down;
      }
      for (; group < groups; group++, at += down) x[history + group] = src[at]!;
    }
    if (groups > 0) {
      const first = used - resting;
      for (let i = first; i < count; i++) this.#rest[i - first] = src[i]!;
      this.#resting = count - first;
    } else {
      for (let i = 0; i < count; i++) this.#rest[resting + i] = src[i]!;
      this.#resting = resting + count;
    }
  }

  reset(): void {
    this.#past.fill(0);
    this.#resting = 0;
  }
}

/** A filter of one tap. */
function scale(
  x: Float64Array,
  xAt: number,
  tap: number,
  y: Float64Array,
  yAt: number,
  yStep: number,
  count: number,
  first: boolean,
): void {
  if (first) for (let j = 0; j < count; j++) y[yAt + j * yStep] = tap * x[xAt + j]!;
  else for (let j = 0; j < count; j++) y[yAt + j * yStep] = y[yAt + j * yStep]! + tap * x[xAt + j]!;
}

/**
 * `y[yAt + j * yStep] (+)= sum over i of taps[i] * x[xAt + j + i]`, for j in 0..count-1.
 * Four outputs are made together, so that a tap and a sample are loaded once for four products. Every output sums its products
 * in the same order whether it is one of four or alone: the result does not depend on where a chunk ends.
 */
function correlate(
  x: Float64Array,
  xAt: number,
  taps: Float64Array,
  y: Float64Array,
  yAt: number,
  yStep: number,
  count: number,
  first: boolean,
): void {
  const n = taps.length;
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    let at = xAt + j;
    let x0 = x[at]!;
    let x1 = x[at + 1]!;
    let x2 = x[at + 2]!;
    at += 3;
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    for (let i = 0; i < n; i++) {
      const tap = taps[i]!;
      const x3 = x[at + i]!;
      a0 += tap * x0;
      a1 += tap * x1;
      a2 += tap * x2;
      a3 += tap * x3;
      x0 = x1;
      x1 = x2;
      x2 = x3;
    }
    const out = yAt + j * yStep;
    y[out] = first ? a0 : y[out]! + a0;
    y[out + yStep] = first ? a1 : y[out + yStep]! + a1;
    y[out + 2 * yStep] = first ? a2 : y[out + 2 * yStep]! + a2;
    y[out + 3 * yStep] = first ? a3 : y[out + 3 * yStep]! + a3;
  }
  for (; j < count; j++) {
    let a = 0;
    for (let i = 0; i < n; i++) a += taps[i]! * x[xAt + j + i]!;
    const out = yAt + j * yStep;
    y[out] = first ? a : y[out]! + a;
  }
}
