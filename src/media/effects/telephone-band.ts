import { ulawDecode, ulawEncode } from '../g711.ts';
import { clip, type Effect } from './effect.ts';

/** Edges of the band that a telephone carries, Hz (ITU-T G.712 has 300 to 3400). */
const LOW_HZ = 300;
const HIGH_HZ = 3_400;
/** Quality of each pair of poles of Butterworth's filters of fourth and of eighth order: the upper edge has to be steep, since G.711 samples at 8 kHz. */
const LOW_Q = [0.541_196, 1.306_563] as const;
const HIGH_Q = [0.509_796, 0.601_345, 0.899_976, 2.562_915] as const;

/** What a telephone leaves of a voice: its band, and the steps of G.711's mu-law. Delays nothing by more than its filters' own half millisecond. */
export class TelephoneBand implements Effect {
  readonly #sections: Section[];
  #code = new Uint8Array(0);

  constructor(sampleRate: number) {
    this.#sections = [
      ...LOW_Q.map((q) => new Section('high-pass', LOW_HZ, q, sampleRate)),
      ...HIGH_Q.map((q) => new Section('low-pass', HIGH_HZ, q, sampleRate)),
    ];
  }

  apply(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      let x = samples[i]!;
      for (const section of this.#sections) x = section.next(x);
      samples[i] = clip(x);
    }
    if (this.#code.length !== samples.length) this.#code = new Uint8Array(samples.length);
    ulawEncode(samples, this.#code);
    ulawDecode(this.#code, samples);
  }
}

/** Two poles and two zeros (R. Bristow-Johnson, Audio EQ Cookbook, https://www.w3.org/TR/audio-eq-cookbook/). */
class Section {
  readonly #b: readonly [number, number, number];
  readonly #a: readonly [number, number];
  #x1 = 0;
  #x2 = 0;
  #y1 = 0;
  #y2 = 0;

  constructor(kind: 'low-pass' | 'high-pass', hz: number, q: number, sampleRate: number) {
    const w = (2 * Math.PI * hz) / sampleRate;
    const alpha = Math.sin(w) / (2 * q);
    const cos = Math.cos(w);
    const a0 = 1 + alpha;
    const middle = kind === 'low-pass' ? 1 - cos : -(1 + cos);
    const edge = Math.abs(middle) / 2;
    this.#b = [edge / a0, middle / a0, edge / a0];
    this.#a = [(-2 * cos) / a0, (1 - alpha) / a0];
  }

  next(x: number): number {
    const y =
      this.#b[0] * x + this.#b[1] * this.#x1 + this.#b[2] * this.#x2 - this.#a[0] * this.#y1 - this.#a[1] * this.#y2;
    this.#x2 = this.#x1;
    this.#x1 = x;
    this.#y2 = this.#y1;
    this.#y1 = y;
    return y;
  }
}
