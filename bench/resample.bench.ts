/**
 * The resampler: quality and speed of every pair of rates, then the candidates it was chosen from.
 * Run: node bench/resample.bench.ts [folder]
 * With a folder in which `@echogarden/speex-resampler-wasm` is installed, that module is measured beside them.
 */

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { designStage, StageState } from '../src/media/polyphase.ts';
import { RESAMPLER_RATES, Resampler } from '../src/media/resample.ts';
import { makeTone, toneLevel } from '../src/media/tone.ts';

/** Takes 20 ms at one rate, returns 20 ms at another. */
type Convert = (input: Int16Array) => Int16Array;

function print(...cells: (string | number)[]): void {
  process.stdout.write(
    `${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(48) : String(cell).padStart(11))).join('')}\n`,
  );
}

/** Half a second of a tone at -1 dBFS through a converter, without the first 100 ms. */
function through(make: () => Convert, from: number, to: number, hz: number): Int16Array {
  const convert = make();
  const tone = makeTone(hz, from, 500, -1);
  const out: number[] = [];
  for (let at = 0; at < tone.length; at += from / 50) out.push(...convert(tone.subarray(at, at + from / 50)));
  return Int16Array.from(out.slice(to / 10));
}

function snr(signalAndNoise: Int16Array, rate: number, hz: number): number {
  // 250 ms hold whole periods of every multiple of 4 Hz: only then do the two sums below not see each other.
  const samples = signalAndNoise.subarray(0, rate / 4);
  let c = 0;
  let s = 0;
  const phase = (i: number) => (2 * Math.PI * hz * i) / rate;
  samples.forEach((x, i) => {
    c += (2 / samples.length) * x * Math.cos(phase(i));
    s += (2 / samples.length) * x * Math.sin(phase(i));
  });
  let signal = 0;
  let noise = 0;
  samples.forEach((x, i) => {
    const fitted = c * Math.cos(phase(i)) + s * Math.sin(phase(i));
    signal += fitted * fitted;
    noise += (x - fitted) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

/** Ripple 100 Hz to 0.425 of the lower rate, worst image or alias (dBc), SNR of 1000 and 1004 Hz, measured delay of an impulse (ms). */
function quality(make: () => Convert, from: number, to: number): string[] {
  const low = Math.min(from, to);
  let ripple = 0;
  for (const hz of [100, 300, 1000, 2000, 3000, 3400, 0.3 * low, 0.425 * low]) {
    ripple = Math.max(ripple, Math.abs(toneLevel(through(make, from, to, hz), to, hz) + 1));
  }
  let worst = -200;
  const tones =
    to > from
      ? [300, 1000, 2000, 3400, 0.425 * low]
      : [0.575, 0.625, 0.7, 0.875, 1.1, 1.425, 1.58, 2.42, 2.9].map((p) => p * low);
  for (const hz of tones.filter((tone) => tone < from / 2)) {
    const out = through(make, from, to, hz);
    const products =
      to > from
        ? [1, 2, 3, 4, 5].flatMap((k) => [k * from - hz, k * from + hz])
        : [Math.abs(hz - to * Math.round(hz / to))];
    for (const product of products.filter((p) => p < to / 2)) worst = Math.max(worst, toneLevel(out, to, product) + 1);
  }
  const convert = make();
  const silence = new Int16Array(from / 50);
  const impulse = new Int16Array(from / 50);
  impulse[0] = 30_000;
  const response = [...convert(impulse), ...convert(silence)];
  const delay = (response.indexOf(Math.max(...response)) * 1000) / to;
  // At 1000 Hz the same few samples recur and their rounding counts as part of the tone; 1004 Hz shows all of it.
  const clean = Math.min(...[1000, 1004].map((hz) => snr(through(make, from, to, hz), to, hz)));
  return [ripple.toFixed(4), worst.toFixed(1), clean.toFixed(1), delay.toFixed(2)];
}

/** Microseconds per 20 ms: the best of nine rounds, which is the one the machine disturbed least. */
function speed(convert: Convert, from: number): string {
  const input = makeTone(1000, from, 20, -6);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 2000; i++) convert(input);
  for (let round = 0; round < 9; round++) {
    const start = performance.now();
    for (let i = 0; i < 1000; i++) convert(input);
    best = Math.min(best, performance.now() - start);
  }
  return best.toFixed(1);
}

function round16(src: ArrayLike<number>, count: number, dst: Int16Array): Int16Array {
  for (let i = 0; i < count; i++) {
    const x = src[i]!;
    dst[i] = x >= 32_767 ? 32_767 : x <= -32_768 ? -32_768 : ((x + 32_768.5) | 0) - 32_768;
  }
  return dst;
}

/** One polyphase stage between the two rates by the project's kernel: the same filter, without the way through 16 kHz. */
function singleStage(from: number, to: number): Convert {
  const state = new StageState(designStage(from, to, 20, 8.6));
  const src = new Float64Array(from / 50);
  const dst = new Float64Array(to / 50);
  const out = new Int16Array(to / 50);
  return (input) => {
    for (let i = 0; i < input.length; i++) src[i] = input[i]!;
    return round16(dst, state.process(src, input.length, dst), out);
  };
}

/** One polyphase stage as it is usually written: for each output a loop over the taps of its phase, Kaiser window, nothing skipped. */
function plainFir(from: number, to: number, tapsAtLow: number, cutoff: number): Convert {
  const [up, down] = to > from ? [to / from, 1] : [1, from / to];
  const length = tapsAtLow * Math.max(up, down);
  const perPhase = length / up;
  const bessel = (x: number): number => {
    let sum = 1;
    let term = 1;
    for (let k = 1; k < 60; k++) {
      term *= (x / (2 * k)) ** 2;
      sum += term;
    }
    return sum;
  };
  const grid = from * up;
  const taps = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const t = i - (length - 1) / 2;
    const angle = (2 * Math.PI * cutoff * t) / grid;
    const window = bessel(8 * Math.sqrt(1 - ((2 * i) / (length - 1) - 1) ** 2)) / bessel(8);
    // Stored phase by phase, oldest sample first.
    taps[(i % up) * perPhase + perPhase - 1 - Math.floor(i / up)] =
      (2 * cutoff * up * window * (angle === 0 ? 1 : Math.sin(angle) / angle)) / grid;
  }
  const size = from / 50;
  const line = new Float64Array(perPhase - 1 + size);
  const out = new Int16Array(to / 50);
  const sums = new Float64Array(to / 50);
  return (input) => {
    line.copyWithin(0, size);
    for (let i = 0; i < size; i++) line[perPhase - 1 + i] = input[i]!;
    for (let m = 0; m < out.length; m++) {
      const tick = m * down;
      const row = (tick % up) * perPhase;
      const at = Math.floor(tick / up);
      let sum = 0;
      for (let i = 0; i < perPhase; i++) sum += taps[row + i]! * line[at + i]!;
      sums[m] = sum;
    }
    return round16(sums, out.length, out);
  };
}

/** What is used of the emscripten module. */
interface SpeexModule {
  _malloc(bytes: number): number;
  _speex_resampler_init(channels: number, from: number, to: number, quality: number, error: number): number;
  _speex_resampler_process_int(
    state: number,
    channel: number,
    src: number,
    srcLength: number,
    dst: number,
    dstLength: number,
  ): number;
  readonly HEAP16: Int16Array;
  readonly HEAPU32: Uint32Array;
}

async function loadSpeex(folder: string): Promise<SpeexModule> {
  const file = createRequire(join(folder, 'x.js')).resolve('@echogarden/speex-resampler-wasm/simd');
  const module: { default: () => Promise<SpeexModule> } = await import(pathToFileURL(file).href);
  return module.default();
}

function speexConvert(speex: SpeexModule, from: number, to: number): Convert {
  const state = speex._speex_resampler_init(1, from, to, 5, 0);
  const src = speex._malloc(from / 25);
  const dst = speex._malloc(to / 25 + 64);
  const lengths = speex._malloc(8);
  const out = new Int16Array(to / 50);
  return (input) => {
    speex.HEAP16.set(input, src / 2);
    speex.HEAPU32[lengths / 4] = input.length;
    speex.HEAPU32[lengths / 4 + 1] = out.length;
    speex._speex_resampler_process_int(state, 0, src, lengths, dst, lengths + 4);
    const made = speex.HEAPU32[lengths / 4 + 1]!;
    out.set(speex.HEAP16.subarray(dst / 2, dst / 2 + made));
    return out;
  };
}

function ours(from: number, to: number): Convert {
  const resampler = new Resampler(from, to);
  return (input) => resampler.process(input);
}

/** The ways to write the inner loop, on the work of 8 > 16 kHz: 160 outputs of 40 symmetric taps each. */
function kernels(): void {
  const taps = Float64Array.from({ length: 40 }, (_, i) => Math.exp(-((i - 19.5) ** 2) / 50));
  const x = Float64Array.from({ length: 199 }, (_, i) => Math.sin(i));
  const [taps32, x32] = [Float32Array.from(taps), Float32Array.from(x)];
  const y = new Float64Array(160);
  const one = (h: Float64Array | Float32Array, s: Float64Array | Float32Array, y: Float64Array) => {
    for (let j = 0; j < 160; j++) {
      let a = 0;
      for (let i = 0; i < 40; i++) a += h[i]! * s[j + i]!;
      y[j] = a;
    }
  };
  const folded = () => {
    for (let j = 0; j < 160; j++) {
      let a = 0;
      for (let i = 0; i < 20; i++) a += taps[i]! * (x[j + i]! + x[j + 39 - i]!);
      y[j] = a;
    }
  };
  const four = (h: Float64Array | Float32Array, s: Float64Array | Float32Array, y: Float64Array) => {
    for (let j = 0; j < 160; j += 4) {
      let [x0, x1, x2] = [s[j]!, s[j + 1]!, s[j + 2]!];
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      for (let i = 0; i < 40; i++) {
        const tap = h[i]!;
        const x3 = s[j + i + 3]!;
        a0 += tap * x0;
        a1 += tap * x1;
        a2 += tap * x2;
        a3 += tap * x3;
        x0 = x1;
        x1 = x2;
        x2 = x3;
      }
      y[j] = a0;
      y[j + 1] = a1;
      y[j + 2] = a2;
      y[j + 3] = a3;
    }
  };
  // Compiled anew for each kind of array: shared, one loop would have to serve both and serve neither well.
  const fresh = (loop: typeof one): typeof one => new Function(`return ${loop.toString()}`)();
  const time = (action: () => void): string => {
    for (let i = 0; i < 5000; i++) action();
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 9; round++) {
      const start = performance.now();
      for (let i = 0; i < 2000; i++) action();
      best = Math.min(best, (performance.now() - start) / 2);
    }
    return best.toFixed(2);
  };
  const [one64, one32, four64, four32] = [fresh(one), fresh(one), fresh(four), fresh(four)];
  print('\ninner loop, 6400 products', 'us');
  print(
    'one output at a time, Float64Array',
    time(() => one64(taps, x, y)),
  );
  print(
    'one output at a time, Float32Array',
    time(() => one32(taps32, x32, y)),
  );
  print('one at a time, symmetric taps folded, Float64', time(folded));
  print(
    'four outputs at a time, Float64Array (chosen)',
    time(() => four64(taps, x, y)),
  );
  print(
    'four outputs at a time, Float32Array',
    time(() => four32(taps32, x32, y)),
  );
}

process.stdout.write(`node ${process.version}; levels of tones at -1 dBFS; us per 20 ms\n\n`);
print('the resampler', 'ripple dB', 'worst dBc', 'SNR dB', 'delay ms', 'us');
for (const from of RESAMPLER_RATES) {
  for (const to of RESAMPLER_RATES) {
    if (from !== to) print(`${from} > ${to}`, ...quality(() => ours(from, to), from, to), speed(ours(from, to), from));
  }
}
const folder = process.argv[2];
const speex = folder === undefined ? undefined : await loadSpeex(folder);
for (const [from, to] of [
  [8000, 48_000],
  [48_000, 8000],
  [8000, 24_000],
  [24_000, 8000],
] as const) {
  const candidates: [string, () => Convert][] = [
    ['chosen', () => ours(from, to)],
    ['one stage, same filter and kernel', () => singleStage(from, to)],
    ['plain FIR, 64 taps at 8 kHz, fc 3750', () => plainFir(from, to, 64, 3750)],
    ['plain FIR, 48 taps at 8 kHz, fc 4000', () => plainFir(from, to, 48, 4000)],
  ];
  if (speex) candidates.push(['speex wasm simd, quality 5', () => speexConvert(speex, from, to)]);
  print(`\n${from} > ${to}`, 'ripple dB', 'worst dBc', 'SNR dB', 'delay ms', 'us');
  for (const [name, make] of candidates) print(name, ...quality(make, from, to), speed(make(), from));
}
kernels();
