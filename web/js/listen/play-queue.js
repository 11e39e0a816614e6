/** What comes of a call, on its way to the ear: played in step though it comes in jumps, and never late for longer than it must be. Pure; runs on the browser's audio thread. */

/** What is waited for before anything is played, after each gap, and what waits at most, ms. */
const LEAST_MS = 60;
const MOST_MS = 300;
/** A block whose samples are all nearer to zero than this is silence, or little else: -42 dBFS. */
const QUIET = 256;
/** How long shows what is never used of what waits, ms. */
const LOOK_MS = 1_000;

export class PlayQueue {
  #rate;
  /** Interleaved stereo. @type {Int16Array[]} */
  #blocks = [];
  #at = 0;
  #frames = 0;
  #primed = false;
  /** The least that waited of late, for how many frames that was looked at, and so much more waits than was ever needed. */
  #spare = Number.POSITIVE_INFINITY;
  #looked = 0;
  #surplus = 0;

  /** @param {number} rate Hz */
  constructor(rate) {
    this.#rate = rate;
  }

  /** Frames that wait. */
  get waiting() {
    return this.#frames;
  }

  /** Where more waits than is worth the delay the oldest goes; where one stall left more waiting than is needed, silence is left out until that is gone. @param {Int16Array} block */
  push(block) {
    const frames = block.length / 2;
    if (frames <= this.#surplus && block.every((sample) => Math.abs(sample) < QUIET)) {
      this.#surplus -= frames;
      return;
    }
    this.#blocks.push(block);
    this.#frames += frames;
    while (this.#frames > (MOST_MS * this.#rate) / 1000) {
      const gone = this.#blocks.shift();
      if (gone === undefined) break;
      this.#frames -= (gone.length - this.#at) / 2;
      this.#at = 0;
    }
    if (this.#frames >= (LEAST_MS * this.#rate) / 1000) this.#primed = true;
  }

  /**
   * Fills both ears with what is next; silence where there is nothing. Both sides are heard on both ears, each a little more on its own.
   * @param {Float32Array} left
   * @param {Float32Array} right
   * @returns {number} the loudest sample of either side, 0 to 1
   */
  fill(left, right) {
    let peak = 0;
    for (let i = 0; i < left.length; i++) {
      const block = this.#primed ? this.#blocks[0] : undefined;
      if (block === undefined) {
        this.#primed = false;
        left[i] = right[i] = 0;
        continue;
      }
      const [caller, agent] = [(block[this.#at] ?? 0) / 32_768, (block[this.#at + 1] ?? 0) / 32_768];
      left[i] = caller * 0.8 + agent * 0.35;
      right[i] = agent * 0.8 + caller * 0.35;
      peak = Math.max(peak, Math.abs(caller), Math.abs(agent));
      this.#at += 2;
      this.#frames -= 1;
      if (this.#at >= block.length) {
        this.#blocks.shift();
        this.#at = 0;
      }
    }
    this.#look(left.length);
    return peak;
  }

  /** @param {number} frames */
  #look(frames) {
    this.#spare = Math.min(this.#spare, this.#frames);
    this.#looked += frames;
    if (this.#looked < (LOOK_MS * this.#rate) / 1000) return;
    this.#surplus = Math.max(0, this.#spare - (LEAST_MS * this.#rate) / 1000);
    this.#spare = Number.POSITIVE_INFINITY;
    this.#looked = 0;
  }
}
