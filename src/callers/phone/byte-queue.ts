/**
 * Encoded audio that waits to be sent. It lies in blocks, which all queues of the process take from one store and give back as soon as they are read: an answer of
 * seconds comes within a fraction of its time, and a queue of its own for each call would be as large as the longest that ever waited.
 */

/** A whole number of samples of any codec. */
const BLOCK_BYTES = 4_096;
/** Blocks that are kept for whoever needs the next; more are left to the collector. */
const FREE_MOST = 512;
const free: Buffer[] = [];
/** What lies in two blocks is put together here, and read before anything else is. */
let joined: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);

export class ByteQueue {
  /** All but the first and the last are full; none is empty. */
  readonly #blocks: Buffer[] = [];
  /** Where reading goes on in the first block. */
  #head = 0;
  /** Where writing goes on in the last. */
  #tail = 0;

  /** Bytes that wait. */
  get length(): number {
    const blocks = this.#blocks.length;
    return blocks === 0 ? 0 : (blocks - 1) * BLOCK_BYTES + this.#tail - this.#head;
  }

  /** Bytes of memory held: for tests. */
  get capacity(): number {
    return this.#blocks.length * BLOCK_BYTES;
  }

  /** Appends a copy of the first `count` bytes of `source`. */
  push(source: Buffer, count: number): void {
    for (let at = 0; at < count; ) {
      const block = this.#last();
      const copied = source.copy(block, this.#tail, at, count);
      this.#tail += copied;
      at += copied;
    }
  }

  /** Appends `count` bytes of `value`. */
  fill(value: number, count: number): void {
    for (let left = count; left > 0; ) {
      const block = this.#last();
      const filled = Math.min(left, BLOCK_BYTES - this.#tail);
      block.fill(value, this.#tail, this.#tail + filled);
      this.#tail += filled;
      left -= filled;
    }
  }

  /** Takes `count` bytes (at most `length`) from the front, as base64. */
  takeBase64(count: number): string {
    const bytes = Math.min(count, this.length);
    const [first] = this.#blocks;
    if (first === undefined || bytes <= 0) return '';
    const end = this.#head + bytes;
    if (end <= BLOCK_BYTES) {
      const text = first.toString('base64', this.#head, end);
      this.#drop(bytes);
      return text;
    }
    if (joined.length < bytes) joined = Buffer.allocUnsafeSlow(bytes);
    this.#move(joined, bytes);
    return joined.toString('base64', 0, bytes);
  }

  /** Takes `count` bytes (at most `length`) from the front, as they are: a copy, for whoever keeps them. */
  take(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(count, this.length));
    this.#move(bytes, bytes.length);
    return bytes;
  }

  /** Exchanges the two bytes of each sample that waits, of 16 bits. */
  swap16(): void {
    const last = this.#blocks.length - 1;
    this.#blocks.forEach((block, i) => {
      block.subarray(i === 0 ? this.#head : 0, i === last ? this.#tail : BLOCK_BYTES).swap16();
    });
  }

  clear(): void {
    while (this.#blocks.length > 0) this.#release();
  }

  /** The block that is written to, in which there is room. */
  #last(): Buffer {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#tail < BLOCK_BYTES) return last;
    const block = free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#blocks.push(block);
    this.#tail = 0;
    return block;
  }

  /** Moves as many bytes from the front, which wait, to `target`. */
  #move(target: Buffer, bytes: number): void {
    for (let at = 0; at < bytes; ) {
      const count = Math.min(bytes - at, BLOCK_BYTES - this.#head);
      this.#blocks[0]?.copy(target, at, this.#head, this.#head + count);
      this.#drop(count);
      at += count;
    }
  }

  /** Leaves out so many bytes of the first block. */
  #drop(bytes: number): void {
    this.#head += bytes;
    if (this.#head === BLOCK_BYTES || (this.#blocks.length === 1 && this.#head === this.#tail)) this.#release();
  }

  /** Gives the first block back. */
  #release(): void {
    const block = this.#blocks.shift();
    this.#head = 0;
    if (this.#blocks.length === 0) this.#tail = 0;
    if (block !== undefined && free.length < FREE_MOST) free.push(block);
  }
}
