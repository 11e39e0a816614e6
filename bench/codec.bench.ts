/**
 * G.711 and L16: microseconds per 20 ms of 8 kHz (24 kHz for L16), table look-up against computing each sample.
 * Run: node bench/codec.bench.ts
 */

import { alawDecode, alawEncode, ulawDecode, ulawEncode } from '../src/media/g711.ts';
import { l16Decode, l16Encode } from '../src/media/l16.ts';

/** The standard's formula, sample by sample: what the table replaces. */
function ulawEncodeNaive(src: Int16Array, dst: Uint8Array): number {
  for (let i = 0; i < src.length; i++) {
    const x = src[i]!;
    const a = Math.min(0x1fff, ((x < 0 ? ~x : x) >> 2) + 33);
    let s = 1;
    for (let rest = a >> 6; rest > 0; rest >>= 1) s++;
    const code = ((8 - s) << 4) | (15 - ((a >> s) & 15));
    dst[i] = x >= 0 ? code | 0x80 : code;
  }
  return src.length;
}

function alawEncodeNaive(src: Int16Array, dst: Uint8Array): number {
  for (let i = 0; i < src.length; i++) {
    const x = src[i]!;
    let a = (x < 0 ? ~x : x) >> 4;
    if (a > 15) {
      let exponent = 1;
      for (; a > 31; a >>= 1) exponent++;
      a += (exponent << 4) - 16;
    }
    dst[i] = (x >= 0 ? a | 0x80 : a) ^ 0x55;
  }
  return src.length;
}

function ulawDecodeNaive(src: Uint8Array, dst: Int16Array): number {
  for (let i = 0; i < src.length; i++) {
    const inverted = ~src[i]!;
    const e = (inverted >> 4) & 7;
    const magnitude = (0x80 << e) + (8 << e) * (inverted & 15) + (4 << e) - 132;
    dst[i] = src[i]! < 0x80 ? -magnitude : magnitude;
  }
  return src.length;
}

/** Microseconds per call: the best of seven rounds, which is the one the machine disturbed least. */
function time(action: () => unknown): number {
  const calls = 20_000;
  for (let i = 0; i < calls; i++) action();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 7; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) action();
    best = Math.min(best, ((performance.now() - start) * 1000) / calls);
  }
  return best;
}

// Speech-like: many small samples, few large ones.
const speech = Int16Array.from({ length: 160 }, (_, i) => 12_000 * Math.sin(i * 0.31) * Math.sin(i * 0.021) ** 3);
const codes = new Uint8Array(160);
const pcm = new Int16Array(160);
ulawEncode(speech, codes);
const wide = Int16Array.from({ length: 480 }, (_, i) => 12_000 * Math.sin(i * 0.1));
const wideOut = new Int16Array(480);
const bytes = new Uint8Array(961);
const even = bytes.subarray(0, 960);
const odd = bytes.subarray(1, 961);

const rows: [string, number, number][] = [
  ['mu-law encode', time(() => ulawEncode(speech, codes)), time(() => ulawEncodeNaive(speech, codes))],
  ['mu-law decode', time(() => ulawDecode(codes, pcm)), time(() => ulawDecodeNaive(codes, pcm))],
  ['A-law encode', time(() => alawEncode(speech, codes)), time(() => alawEncodeNaive(speech, codes))],
  ['A-law decode', time(() => alawDecode(codes, pcm)), Number.NaN],
];
process.stdout.write(`node ${process.version}, us per 20 ms\n\n`);
process.stdout.write('G.711, 160 samples    table   formula   ratio\n');
for (const [name, table, formula] of rows) {
  const others = Number.isNaN(formula)
    ? ''
    : `${formula.toFixed(2).padStart(9)}${(formula / table).toFixed(1).padStart(8)}`;
  process.stdout.write(`${name.padEnd(20)}${table.toFixed(2).padStart(7)} ${others}\n`);
}
process.stdout.write('\nL16, 480 samples      even address   odd address\n');
for (const order of ['le', 'be'] as const) {
  const line = (name: string, a: number, b: number) =>
    process.stdout.write(`${`${order} ${name}`.padEnd(20)}${a.toFixed(2).padStart(14)}${b.toFixed(2).padStart(14)}\n`);
  line(
    'encode',
    time(() => l16Encode(wide, even, order)),
    time(() => l16Encode(wide, odd, order)),
  );
  line(
    'decode',
    time(() => l16Decode(even, wideOut, order)),
    time(() => l16Decode(odd, wideOut, order)),
  );
}
