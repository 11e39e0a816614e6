/** A caller's mouth: one frame every 20 ms, always. What cuts in goes first; then the words it broke off go on. */

import type { Codec } from '../../media/codecs.ts';
import type { AudioSource, Clip, SourceFrame } from './source.ts';

export class Mouth {
  readonly #codec: Codec;
  readonly #words: Clip;
  #at = 0;
  #cutIn: Clip | undefined;
  #cutInAt = 0;

  constructor(source: AudioSource, codec: Codec) {
    this.#codec = codec;
    this.#words = source.clip(codec);
  }

  /** Says this once, from the next frame on, before anything else. One that is still being said is replaced. */
  cutIn(source: AudioSource): void {
    this.#cutIn = source.clip(this.#codec);
    this.#cutInAt = 0;
  }

  /** Everything was said: only silence follows. Never true of an endless source. */
  get done(): boolean {
    return this.#cutIn === undefined && this.#at >= this.#words.frames.length;
  }

  /** The next 20 ms. */
  next(): SourceFrame {
    const cutIn = this.#cutIn;
    if (cutIn !== undefined) {
      const frame = cutIn.frames[this.#cutInAt++];
      if (this.#cutInAt >= cutIn.frames.length) this.#cutIn = undefined;
      if (frame !== undefined) return frame;
    }
    const { frames, endless, silence } = this.#words;
    const frame = frames[this.#at];
    if (frame === undefined) return silence;
    this.#at++;
    if (endless && this.#at === frames.length) this.#at = 0;
    return frame;
  }
}
