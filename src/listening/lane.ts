/** A piece whose samples are all nearer to zero than this is silence, or little else: -42 dBFS. */
const QUIET = 256;
/** How many pulls show what is never used of what waits. */
const LOOK_PULLS = 50;

/**
 * One side of a call on its way to listeners: what comes in pieces, early and late, goes out in step. Pure. Samples are at one rate throughout.
 */
export class Lane {
  readonly #leastSamples: number;
  readonly #mostSamples: number;
  #pieces: Int16Array[] = [];
  #samples = 0;
  /** So much is there that the next pieces may be late. */
  #primed = false;
  /** The least that waited behind any of the last pulls, and how many those are. */
  #spare = Number.POSITIVE_INFINITY;
  #pulls = 0;
  /** So much more waits than was ever needed. */
  #surplus = 0;

  /**
   * `leastSamples`: what is waited for before anything goes out, after each gap; `mostSamples`: beyond, the oldest goes, since delay is worth less than sound. What one stall left
   * waiting is not heard late for ever: where pieces have long come in time without it, silence is left out until it is gone.
   */
  constructor({ leastSamples, mostSamples }: { readonly leastSamples: number; readonly mostSamples: number }) {
    this.#leastSamples = leastSamples;
    this.#mostSamples = mostSamples;
  }

  /** Samples that wait. */
  get waiting(): number {
    return this.#samples;
  }

  /** Takes a piece, which is copied. */
  push(samples: Int16Array): void {
    if (samples.length === 0) return;
    if (samples.length <= this.#surplus && samples.every((sample) => Math.abs(sample) < QUIET)) {
      this.#surplus -= samples.length;
      return;
    }
    this.#pieces.push(samples.slice());
    this.#samples += samples.length;
    if (this.#samples > this.#mostSamples) this.#drop(this.#samples - this.#leastSamples);
    if (this.#samples >= this.#leastSamples) this.#primed = true;
  }

  /** Writes the next `out.length / stride` samples to every `stride`th place from `offset` on; silence where there are none. */
  pull(out: Int16Array, offset: number, stride: number): void {
    let at = offset;
    while (this.#primed && at < out.length) {
      const piece = this.#pieces[0];
      if (piece === undefined) {
        this.#primed = false;
        break;
      }
      const n = Math.min(piece.length, Math.ceil((out.length - at) / stride));
      for (let i = 0; i < n; i++, at += stride) out[at] = piece[i]!;
      this.#samples -= n;
      if (n === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(n);
    }
    for (; at < out.length; at += stride) out[at] = 0;
    this.#look();
  }

  clear(): void {
    this.#pieces = [];
    this.#samples = 0;
    this.#primed = false;
    this.#surplus = 0;
    this.#spare = Number.POSITIVE_INFINITY;
    this.#pulls = 0;
  }

  #look(): void {
    this.#spare = Math.min(this.#spare, this.#samples);
    if (++this.#pulls < LOOK_PULLS) return;
    this.#surplus = Math.max(0, this.#spare - this.#leastSamples);
    this.#spare = Number.POSITIVE_INFINITY;
    this.#pulls = 0;
  }

  #drop(samples: number): void {
    let left = samples;
    while (left > 0) {
      const piece = this.#pieces[0];
      if (piece === undefined) return;
      const n = Math.min(left, piece.length);
      this.#samples -= n;
      left -= n;
      if (n === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(n);
    }
  }
}
