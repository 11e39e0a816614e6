/**
 * Encoded audio that waits to be sent. One contiguous buffer, so that a chunk becomes base64 without a copy; it grows by doubling up to
 * what is asked of it and shrinks to its first size when it runs empty after having been large.
 */

const FIRST_BYTES = 4_096;
/** An empty queue larger than this gives its memory back: one long answer must not be paid for until the call ends. */
const KEEP_BYTES = 65_536;

export class ByteQueue {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #head = 0;
  #tail = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** Bytes of memory held: for tests. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** Appends a copy of the first `count` bytes of `source`. */
  push(source: Buffer, count: number): void {
    this.#reserve(count);
    source.copy(this.#buffer, this.#tail, 0, count);
    this.#tail += count;
  }

  /** Appends `count` bytes of `value`. */
  fill(value: number, count: number): void {
    this.#reserve(count);
    this.#buffer.fill(value, this.#tail, this.#tail + count);
    this.#tail += count;
  }

  /** Takes `count` bytes (at most `length`) from the front, as base64. */
  takeBase64(count: number): string {
    const end = Math.min(this.#head + count, this.#tail);
    const text = this.#buffer.toString('base64', this.#head, end);
    this.#head = end;
    if (this.#head === this.#tail) this.clear();
    return text;
  }

  /** Takes `count` bytes (at most `length`) from the front, as they are: a copy, for whoever keeps them. */
  take(count: number): Buffer {
    const end = Math.min(this.#head + count, this.#tail);
    const bytes = Buffer.from(this.#buffer.subarray(this.#head, end));
    this.#head = end;
    if (this.#head === this.#tail) this.clear();
    return bytes;
  }

  /** Exchanges the two bytes of each sample that waits, of 16 bits. */
  swap16(): void {
    this.#buffer.subarray(this.#head, this.#tail).swap16();
  }

  clear(): void {
    this.#head = 0;
    this.#tail = 0;
    if (this.#buffer.length > KEEP_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  #reserve(count: number): void {
    if (this.#tail + count <= this.#buffer.length) return;
    const length = this.length;
    let size = this.#buffer.length;
    // Moving to the front is free room only when much of the buffer is behind us; else it would be done again and again.
    while (length + count > size / 2) size *= 2;
    const target = size === this.#buffer.length ? this.#buffer : Buffer.allocUnsafeSlow(size);
    this.#buffer.copy(target, 0, this.#head, this.#tail);
    this.#buffer = target;
    this.#head = 0;
    this.#tail = length;
  }
}
