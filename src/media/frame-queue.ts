/**
 * The frames that wait to go into an RTP stream: a ring that takes its memory when it is first needed, grows by doubling and gives it back
 * when the backlog is gone, because ten seconds at 48 kHz are a megabyte and nearly every call never waits.
 */

const FIRST_CAPACITY = 32;

export class FrameQueue {
  readonly #frame: number;
  readonly #maxFrames: number;
  #samples = new Int16Array(0);
  /** 1 for a silent frame, by slot. */
  #silent = new Uint8Array(0);
  #capacity = 0;
  #head = 0;
  #length = 0;

  /** `frame`: samples of one. */
  constructor(frame: number, maxFrames: number) {
    this.#frame = frame;
    this.#maxFrames = maxFrames;
  }

  /** Frames that wait. */
  get length(): number {
    return this.#length;
  }

  /** The memory that holds the oldest frame, which starts at `offset`. Borrowed until the next push or shift. */
  get samples(): Int16Array {
    return this.#samples;
  }

  get offset(): number {
    return this.#head * this.#frame;
  }

  /** Whether the frame `index` places behind the oldest is silent. */
  isSilent(index: number): boolean {
    return this.#silent[(this.#head + index) % this.#capacity] === 1;
  }

  /** Copies a frame to the end; true when the oldest had to give way for it. */
  push(frame: Int16Array, silent: boolean): boolean {
    let dropped = false;
    if (this.#length === this.#maxFrames) {
      this.shift();
      dropped = true;
    } else if (this.#length === this.#capacity) {
      this.#grow();
    }
    const slot = (this.#head + this.#length) % this.#capacity;
    const at = slot * this.#frame;
    for (let i = 0; i < this.#frame; i++) this.#samples[at + i] = frame[i]!;
    this.#silent[slot] = silent ? 1 : 0;
    this.#length++;
    return dropped;
  }

  /** Forgets the oldest frame. */
  shift(): void {
    if (this.#length === 0) return;
    this.#length--;
    this.#head = (this.#head + 1) % this.#capacity;
    if (this.#length === 0 && this.#capacity > FIRST_CAPACITY) this.#resize(FIRST_CAPACITY);
  }

  clear(): void {
    this.#length = 0;
    this.#head = 0;
    if (this.#capacity > FIRST_CAPACITY) this.#resize(FIRST_CAPACITY);
  }

  #grow(): void {
    this.#resize(Math.min(this.#maxFrames, Math.max(FIRST_CAPACITY, this.#capacity * 2)));
  }

  /** New memory of `capacity` frames with what waits moved to its start. */
  #resize(capacity: number): void {
    const samples = new Int16Array(capacity * this.#frame);
    const silent = new Uint8Array(capacity);
    for (let i = 0; i < this.#length; i++) {
      const slot = (this.#head + i) % this.#capacity;
      samples.set(this.#samples.subarray(slot * this.#frame, (slot + 1) * this.#frame), i * this.#frame);
      silent[i] = this.#silent[slot]!;
    }
    this.#samples = samples;
    this.#silent = silent;
    this.#capacity = capacity;
    this.#head = 0;
  }
}
