import type { Random } from '../random.ts';

/** A frame on its way. */
export interface Delayed<Frame> {
  readonly frame: Frame;
  /** The step of the clock at which it arrives. */
  readonly due: number;
}

/**
 * A network on which each frame takes as long as it likes, up to a limit; none overtakes another, so that frames come in bunches after a gap. It is
 * driven by steps of one frame's time and holds what is on its way.
 */
export class Jitter<Frame> {
  readonly #most: number;
  readonly #random: Random;
  readonly #queue: Array<Delayed<Frame>> = [];
  #step = 0;
  #last = 0;

  /** `most`: steps that a frame takes at most; each number of them is as likely as any other, a fraction at the end less. */
  constructor(most: number, random: Random) {
    this.#most = most;
    this.#random = random;
  }

  /** Frames on their way. */
  get size(): number {
    return this.#queue.length;
  }

  /** One frame sets out, and one step of time passes. Returns what arrives, in order. */
  next(frame: Frame): Frame[] {
    this.#last = Math.max(this.#last, this.#step + Math.floor(this.#random.next() * (this.#most + 1)));
    this.#queue.push({ frame, due: this.#last });
    const arrived: Frame[] = [];
    while (this.#queue[0] !== undefined && this.#queue[0].due <= this.#step) arrived.push(this.#queue.shift()!.frame);
    this.#step++;
    return arrived;
  }

  /** All that is on its way, at once: the line ends. */
  flush(): Frame[] {
    return this.#queue.splice(0).map(({ frame }) => frame);
  }
}
