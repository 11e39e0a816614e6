const FIRST_SAMPLES = 4_096;

/** Samples in order: put in at one end, taken or cut at either. A ring that grows when it must and gives memory back when it runs empty. */
export class SampleQueue {
  #ring = new Int16Array(FIRST_SAMPLES);
  #head = 0;
  #length = 0;
  /** Samples that were taken before they came: so many of the next are dropped. */
  #owed = 0;

  get length(): number {
    return this.#length;
  }

  push(samples: Int16Array): void {
    const late = Math.min(this.#owed, samples.length);
    this.#owed -= late;
    const n = samples.length - late;
    this.#reserve(n);
    const at = (this.#head + this.#length) % this.#ring.length;
    const first = Math.min(n, this.#ring.length - at);
    this.#ring.set(samples.subarray(late, late + first), at);
    if (first < n) this.#ring.set(samples.subarray(late + first), 0);
    this.#length += n;
  }

  pushSilence(count: number): void {
    const n = count - Math.min(this.#owed, count);
    this.#owed -= count - n;
    this.#reserve(n);
    const at = (this.#head + this.#length) % this.#ring.length;
    const first = Math.min(n, this.#ring.length - at);
    this.#ring.fill(0, at, at + first);
    this.#ring.fill(0, 0, n - first);
    this.#length += n;
  }

  /** Magnitude of the sample `index` places behind the first; 0 beyond the end. */
  magnitude(index: number): number {
    return index < this.#length ? Math.abs(this.#ring[(this.#head + index) % this.#ring.length]!) : 0;
  }

  /**
   * Takes `count` samples out and writes them into the ring `dst`, of which place 0 is the sample at `dstFrom`. What has not come yet
   * stays silence, and is dropped when it comes.
   */
  take(count: number, dst: Int16Array, dstFrom: number): void {
    const n = Math.min(count, this.#length);
    let to = dstFrom % dst.length;
    for (let left = n; left > 0; ) {
      const run = Math.min(left, this.#ring.length - this.#head, dst.length - to);
      dst.set(this.#ring.subarray(this.#head, this.#head + run), to);
      this.#advance(run);
      to = (to + run) % dst.length;
      left -= run;
    }
    this.#owed += count - n;
  }

  /** Takes `count` samples out, for nobody. */
  drop(count: number): void {
    const n = Math.min(count, this.#length);
    this.#advance(n);
    this.#owed += count - n;
  }

  /** Keeps the first `count` samples only; those of them that have not come yet are silence, and nothing is owed any more. */
  truncate(count: number): void {
    this.#owed = 0;
    if (count > this.#length) this.pushSilence(count - this.#length);
    this.#length = count;
    if (this.#length === 0) this.#release();
  }

  #advance(n: number): void {
    this.#head = (this.#head + n) % this.#ring.length;
    this.#length -= n;
    if (this.#length === 0) this.#release();
  }

  #release(): void {
    this.#head = 0;
    if (this.#ring.length > FIRST_SAMPLES * 16) this.#ring = new Int16Array(FIRST_SAMPLES);
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#ring.length) return;
    let size = this.#ring.length;
    while (size < need) size *= 2;
    const ring = new Int16Array(size);
    const first = Math.min(this.#length, this.#ring.length - this.#head);
    ring.set(this.#ring.subarray(this.#head, this.#head + first));
    ring.set(this.#ring.subarray(0, this.#length - first), first);
    this.#ring = ring;
    this.#head = 0;
  }
}
