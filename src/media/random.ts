/**
 * Chance that comes again: the same seed gives the same numbers on every machine, so that a run with noise, losses or late answers can be had once more.
 * Not for secrets. The generator is sfc32 (Chris Doty-Humphrey, PractRand, https://pracrand.sourceforge.net), seeded by an FNV-1a hash.
 */

/** Numbers that sfc32 needs to mix its seed. */
const WARM_UP = 15;

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  /** The second of each pair of normally distributed numbers, which are made two at a time. */
  #spare: number | undefined;

  /** `stream` names what the numbers are for: each name has numbers of its own, so that who takes more of one changes nothing of another. */
  constructor(seed: number, stream = '') {
    const text = `${seed}/${stream}`;
    this.#a = hash(text, 0x811c_9dc5);
    this.#b = hash(text, this.#a ^ 0x9e37_79b9);
    this.#c = hash(text, this.#b ^ 0x85eb_ca6b);
    for (let i = 0; i < WARM_UP; i++) this.next();
  }

  /** From 0 up to 1, 1 excluded; 32 bits of it are random. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 up to `n`, `n` excluded. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** One of these. Throws a RangeError where there is none. */
  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError('random: nothing to pick from');
    return values[this.below(values.length)]!;
  }

  /** Exponentially distributed: the time until the next of events that come at random, `mean` apart on average. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** Normally distributed, mean 0 and deviation 1 (Marsaglia's polar method). */
  normal(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.next() - 1;
      const y = 2 * this.next() - 1;
      const square = x * x + y * y;
      if (square === 0 || square >= 1) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spare = y * scale;
      return x * scale;
    }
  }
}

function hash(text: string, basis: number): number {
  let value = basis | 0;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193);
  return value;
}
