/** The last of what a process wrote, without keeping the rest. */

const MOST_BYTES = 4_096;

export class Tail {
  #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= 2 * MOST_BYTES) return;
    const last = Buffer.from(Buffer.concat(this.#chunks).subarray(-MOST_BYTES));
    this.#chunks = [last];
    this.#bytes = last.length;
  }

  /** 4 KB at least, where there were so many. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
