import type { ByteOrder } from '../../media/l16.ts';
import type { L16Wire } from './carrier-media.ts';

/**
 * In which byte order a stream's L16 is, where no page says it: by the caller's audio itself. Read rightly, sound is smooth from sample to sample;
 * in the other order its finest bits are the coarsest, and it is noise.
 */

/** What the streams of a wire turned out to have, for those that begin after them: a carrier does not change it. */
const learnt = new WeakMap<L16Wire, ByteOrder>();

/** The order that a stream of this wire begins with. */
export function orderOf(wire: L16Wire): ByteOrder {
  return wire.byteOrder === 'auto' ? (learnt.get(wire) ?? wire.guess ?? 'be') : wire.byteOrder;
}

/** So much audio is looked at before anything is said, ms; one reading must then be so much smoother than the other. */
const SOON_MS = 10;
const SOON_RATIO = 3;
/** After so much audio less is enough: a loud hiss is rough either way. */
const LATER_MS = 200;
const LATER_RATIO = 1.5;

/** Judges one stream's first audio that shows it. */
export class OrderJudge {
  readonly #wire: L16Wire;
  readonly #soon: number;
  readonly #later: number;
  #samples = 0;
  /** What each reading adds up to from sample to sample. */
  #le = 0;
  #be = 0;
  #order: ByteOrder | undefined;

  constructor(wire: L16Wire, sampleRate: number) {
    this.#wire = wire;
    this.#soon = (SOON_MS * sampleRate) / 1000;
    this.#later = (LATER_MS * sampleRate) / 1000;
  }

  /** Looks at a run of the caller's bytes, of whole samples. The order, once it shows; undefined until then, in silence for instance. */
  look(bytes: Buffer): ByteOrder | undefined {
    for (let at = 2; at < bytes.length - 1; at += 2) {
      const le = Math.abs(bytes.readInt16LE(at) - bytes.readInt16LE(at - 2));
      const be = Math.abs(bytes.readInt16BE(at) - bytes.readInt16BE(at - 2));
      // A run of equal samples says nothing.
      if (le === be && le === 0) continue;
      this.#le += le;
      this.#be += be;
      this.#samples++;
    }
    if (this.#samples < this.#soon) return undefined;
    const [smooth, rough] = this.#le < this.#be ? [this.#le, this.#be] : [this.#be, this.#le];
    if (rough < smooth * (this.#samples < this.#later ? SOON_RATIO : LATER_RATIO)) return undefined;
    this.#order = this.#le < this.#be ? 'le' : 'be';
    return this.#order;
  }

  /** What this stream showed is what those after it begin with: to be asked of one that proved itself, since a stranger's audio is nobody's word. */
  teach(): void {
    if (this.#order !== undefined) learnt.set(this.#wire, this.#order);
  }
}
