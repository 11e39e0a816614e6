/**
 * Streaming sample-rate conversion among 8000, 16000, 24000 and 48000 Hz (any pair, either way).
 *
 * Every conversion is one or two polyphase FIR stages from `polyphase.ts`. The stages work in double precision; the only
 * rounding is the last one, to 16 bits, which saturates. Filter tables and working memory are shared by all instances of a
 * pair; an instance owns a few hundred bytes of history and its output buffer.
 */

import { designStage, type Stage, StageState } from './polyphase.ts';

/** The rates the resampler knows, in Hz. */
export const RESAMPLER_RATES = [8000, 16_000, 24_000, 48_000] as const;

/** Samples, at the lower rate, from the middle of the main filter to its end; it decides the steepness and the latency. */
const HALF_LENGTH = 20;
/** The same for the 16<->48 stage of a two-stage conversion, whose transition band is four times as wide. */
const WIDE_HALF_LENGTH = 8;
const KAISER_BETA = 8.6;

/** Input samples taken through the stages at a time: 20 ms at the highest rate, so the working memory stays in the L1 cache. */
const SLICE = 960;

/** What all instances of one pair of rates share. */
interface Plan {
  readonly stages: readonly Stage[];
  readonly latencyMs: number;
}

const plans = new Map<string, Plan>();

/** Working memory of `process()`, which runs to its end before any other call can begin: one for the whole program. */
const ping = new Float64Array(SLICE * 6 + 16);
const pong = new Float64Array(SLICE * 6 + 16);

function planFor(from: number, to: number): Plan {
  const key = `${from}>${to}`;
  let plan = plans.get(key);
  if (!plan) {
    plan = makePlan(from, to);
    plans.set(key, plan);
  }
  return plan;
}

function makePlan(from: number, to: number): Plan {
  const narrow = (a: number, b: number) => designStage(a, b, HALF_LENGTH, KAISER_BETA);
  const wide = (a: number, b: number) => designStage(a, b, WIDE_HALF_LENGTH, KAISER_BETA);
  let stages: Stage[];
  // Between 8 and 48 kHz a way through 16 kHz needs half the multiplications: the steep filter runs at 16 kHz,
  // and the filter beside 48 kHz, where the work is, only has to keep apart 4.6 and 11.4 kHz.
  if (from === to) stages = [];
  else if (from === 8000 && to === 48_000) stages = [narrow(8000, 16_000), wide(16_000, 48_000)];
  else if (from === 48_000 && to === 8000) stages = [wide(48_000, 16_000), narrow(16_000, 8000)];
  else stages = [narrow(from, to)];
  return { stages, latencyMs: stages.reduce((sum, stage) => sum + stage.latencyMs, 0) };
}

/**
 * One direction of one stream. The output is the same, to the bit, however the input is cut into chunks; a constant chunk of
 * 10 or 20 ms gives a constant chunk of 10 or 20 ms.
 */
export class Resampler {
  readonly from: number;
  readonly to: number;
  /** How long the filters hold the audio back, in milliseconds (0 when the rates are equal). */
  readonly latencyMs: number;
  /** The same in samples of the output rate: a whole number for every pair, because the filters reach over an even number of samples. */
  readonly latencySamples: number;
  readonly #states: StageState[];
  /** Input samples that make a whole number of output samples and leave the stages where they were. */
  readonly #step: number;
  /** Zeros in the input after which nothing but zeros is in the stages. */
  readonly #reach: number;
  /** Zeros at the end of the input so far; counted no further than needed. */
  #zeros: number;
  #out: Int16Array;
  /** The part of `#out` handed out last, kept because a constant chunk size asks for the same part again. */
  #view: Int16Array;

  /** Throws a RangeError unless both rates are among `RESAMPLER_RATES`. */
  constructor(from: number, to: number) {
    const known: readonly number[] = RESAMPLER_RATES;
    if (!known.includes(from) || !known.includes(to)) {
      throw new RangeError(`resample: ${from} Hz to ${to} Hz is not supported (known: ${RESAMPLER_RATES.join(', ')})`);
    }
    const plan = planFor(from, to);
    this.from = from;
    this.to = to;
    this.latencyMs = plan.latencyMs;
    this.latencySamples = Math.round((plan.latencyMs * to) / 1000);
    this.#states = plan.stages.map((stage) => new StageState(stage));
    this.#step = from / greatestDivisor(from, to);
    // The filters reach over twice their latency; one more millisecond covers the samples that wait for a whole step.
    this.#reach = Math.ceil((2 * plan.latencyMs + 1) * (from / 1000));
    this.#zeros = this.#reach;
    // Memory comes with the first call, whose length tells the stream's chunk size.
    this.#out = new Int16Array(0);
    this.#view = this.#out;
  }

  /**
   * Converts the next samples of the stream. The result is a view on an internal buffer, borrowed until the next call; it may be
   * empty when fewer samples than one step of the ratio came. Any length is taken; nothing is allocated while the output is no
   * longer than the longest so far and as long as the one before.
   */
  process(input: Int16Array): Int16Array {
    // A little more than the ratio says, for the samples that each stage may have kept back until now.
    const room = Math.ceil((input.length * this.to) / this.from) + this.to / 8000 + 1;
    if (room > this.#out.length) this.#out = new Int16Array(room);
    const out = this.#out;
    // Digital silence is half of every conversation, and needs no multiplications.
    const zeros = trailingZeros(input);
    const silent = zeros === input.length && this.#zeros >= this.#reach && zeros % this.#step === 0;
    this.#zeros = Math.min(this.#reach, zeros === input.length ? this.#zeros + zeros : zeros);
    let made: number;
    if (silent) {
      made = (input.length * this.to) / this.from;
      out.fill(0, 0, made);
    } else made = this.#filter(input, out);
    if (this.#view.length !== made || this.#view.buffer !== out.buffer) this.#view = out.subarray(0, made);
    return this.#view;
  }

  #filter(input: Int16Array, out: Int16Array): number {
    let made = 0;
    for (let at = 0; at < input.length; at += SLICE) {
      const count = Math.min(SLICE, input.length - at);
      for (let i = 0; i < count; i++) ping[i] = input[at + i]!;
      let source = ping;
      let target = pong;
      let n = count;
      for (let s = 0; s < this.#states.length; s++) {
        n = this.#states[s]!.process(source, n, target);
        const swap = source;
        source = target;
        target = swap;
      }
      saturate(source, n, out, made);
      made += n;
    }
    return made;
  }

  /** Forgets the past: the next sample is the first of a new stream. */
  reset(): void {
    this.#zeros = this.#reach;
    for (const state of this.#states) state.reset();
  }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function trailingZeros(samples: Int16Array): number {
  let at = samples.length;
  while (at > 0 && samples[at - 1] === 0) at--;
  return samples.length - at;
}

/** Rounds to the nearest 16-bit sample; what lies beyond full scale stays at full scale instead of wrapping. */
function saturate(src: Float64Array, count: number, dst: Int16Array, dstAt: number): void {
  for (let i = 0; i < count; i++) {
    const x = src[i]!;
    // Shifted above zero, truncation is rounding: it spares the slower Math.round.
    dst[dstAt + i] = x >= 32_767 ? 32_767 : x <= -32_768 ? -32_768 : ((x + 32_768.5) | 0) - 32_768;
  }
}
