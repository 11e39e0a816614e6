import { createRequire } from 'node:module';
import { Duplex, type Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameWriter, holdWrites, letGoWrites, SHORT_BYTES } from '../../../src/transport/frame-writer.ts';

/** The library's reader of frames, which its types do not tell of. */
const { Receiver } = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: { isServer: boolean }) => Writable;
};

/** Of the memory that all writers share, bytes. */
const SLAB_BYTES = 8 * SHORT_BYTES;

/** A far end: what was written to it, in pieces. `slow`: it reads each piece only when it is told to, from where the writer left it. */
class Far extends Duplex {
  readonly pieces: Buffer[] = [];
  /** What lies in memory because of pieces that it did not read at once. */
  readonly memory = new Set<ArrayBufferLike>();
  readonly #waiting: Array<{ chunk: Buffer; done: () => void }> = [];
  readonly #slow: boolean;

  constructor(slow: boolean) {
    super();
    this.#slow = slow;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#slow) {
      this.memory.add(chunk.buffer);
      this.#waiting.push({ chunk, done });
    } else {
      this.pieces.push(Buffer.from(chunk));
      done();
    }
  }

  /** Reads all that waits. */
  readAll(): void {
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift()) {
      this.pieces.push(Buffer.from(one.chunk));
      one.done();
    }
  }

  /** The messages in it, as the library reads them; it throws at what is no frame. */
  async messages(masked: boolean): Promise<string[]> {
    const list: string[] = [];
    const reader = new Receiver({ isServer: masked });
    reader.on('message', (data: Buffer, isBinary: boolean) => list.push(isBinary ? 'binary' : data.toString()));
    const failed = new Promise<never>((_, reject) => reader.on('error', reject));
    const read = new Promise<void>((resolve) => reader.write(Buffer.concat(this.pieces), () => resolve()));
    if (this.pieces.length > 0) await Promise.race([read, failed]);
    return list;
  }
}

/** A far end behind TLS: it tells in a later turn that a piece was taken, though its bytes were at once. */
class FarByTls extends Far {
  readonly encrypted = true;

  constructor() {
    super(true);
  }
}

describe.each([false, true])('frames written straight to the stream (masked: %s)', (masked) => {
  it('writes what the library reads, of any length, as text and as bytes, each in one piece', async () => {
    const far = new Far(false);
    const writer = new FrameWriter(far, masked);
    const lengths = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 263, 1_000, 1_001, 1_002, 1_003, SHORT_BYTES];
    const sent: string[] = [];
    for (const length of lengths) {
      const text = 'abcdefghijklmnopq'.repeat(Math.ceil(length / 17)).slice(0, length);
      expect(writer.text(text)).toBe(true);
      expect(writer.utf8(Buffer.from(text))).toBe(true);
      sent.push(text, text);
    }
    expect(await far.messages(masked)).toEqual(sent);
    expect(far.pieces).toHaveLength(sent.length);
  });

  it('leaves long messages, and text that is not ASCII, to the library, and nothing of them behind', async () => {
    const far = new Far(false);
    const writer = new FrameWriter(far, masked);
    expect(writer.text('x'.repeat(SHORT_BYTES + 1))).toBe(false);
    expect(writer.utf8(Buffer.alloc(SHORT_BYTES + 1))).toBe(false);
    expect(writer.text('{"name":"é"}')).toBe(false);
    holdWrites();
    writer.text('before');
    expect(writer.text('日本'.repeat(400))).toBe(false);
    writer.text('after');
    letGoWrites();
    expect(await far.messages(masked)).toEqual(['before', 'after']);
  });

  it('has what is sent while writing is held leave in one write for each stream, in order, when the last lets go', async () => {
    const [one, other] = [new Far(false), new Far(false)];
    const [first, second] = [new FrameWriter(one, masked), new FrameWriter(other, masked)];
    holdWrites();
    first.text('{"event":"media"}');
    holdWrites();
    first.text('{"event":"mark"}');
    letGoWrites();
    expect(one.pieces).toHaveLength(0);
    second.text('to the model');
    // Whoever was written to before has left by then: a clear never waits for what comes behind it.
    expect(one.pieces).toHaveLength(1);
    letGoWrites();
    expect(await one.messages(masked)).toEqual(['{"event":"media"}', '{"event":"mark"}']);
    expect(await other.messages(masked)).toEqual(['to the model']);
    expect(other.pieces).toHaveLength(1);
  });

  it('writes at once what is asked to, and only its own', async () => {
    const [one, other] = [new Far(false), new Far(false)];
    const [first, second] = [new FrameWriter(one, masked), new FrameWriter(other, masked)];
    holdWrites();
    first.text('clear');
    second.flush();
    expect(one.pieces).toHaveLength(0);
    first.flush();
    expect(one.pieces).toHaveLength(1);
    letGoWrites();
    expect(await one.messages(masked)).toEqual(['clear']);
  });

  it('writes in between where much is sent while writing is held: whoever sends is to see what is not taken', async () => {
    const far = new Far(true);
    const writer = new FrameWriter(far, masked);
    const text = 'x'.repeat(400);
    holdWrites();
    for (let i = 1; i <= 170; i++) {
      writer.text(text);
      expect(far.writableLength).toBeGreaterThan(i * 400 - 4_096);
    }
    letGoWrites();
    far.readAll();
    expect(await far.messages(masked)).toEqual(Array(170).fill(text));
    expect(far.pieces.length).toBeLessThan(20);
  });

  it('writes nothing to a stream that was ended while writing was held', async () => {
    const far = new Far(false);
    const errors: Error[] = [];
    far.on('error', (error) => errors.push(error));
    const writer = new FrameWriter(far, masked);
    holdWrites();
    writer.text('late');
    far.end();
    letGoWrites();
    await new Promise((resolve) => setImmediate(resolve));
    expect(far.pieces).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('has a stream that is behind hold little more than its own, and one piece of what all share, whoever else comes and goes', async () => {
    const [behind, slow, byTls] = [new Far(true), new Far(true), new FarByTls()];
    const [first, ...others] = [behind, slow, byTls].map((far) => new FrameWriter(far, masked));
    const text = 'x'.repeat(300);
    for (let i = 0; i < 200; i++) {
      first!.text(text);
      for (let n = 0; n < 30; n++) {
        for (const other of others) other.text(text);
        for (const far of [slow, byTls]) far.readAll();
      }
    }
    behind.readAll();
    const held = [...behind.memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(held).toBeLessThan(SLAB_BYTES + 200 * (300 + 8));
    expect(await behind.messages(masked)).toEqual(Array(200).fill(text));
    for (const far of [slow, byTls]) expect(await far.messages(masked)).toEqual(Array(6_000).fill(text));
  });

  it('uses no memory up for a stream that always tells later that it took a piece, as one by TLS does', async () => {
    const far = new FarByTls();
    const writer = new FrameWriter(far, masked);
    for (let i = 0; i < 10; i++) {
      writer.text(`${i}`);
      far.readAll();
      writer.text(`${i} again`);
      writer.text(`${i} and again`);
    }
    far.readAll();
    expect([...far.memory].filter(({ byteLength }) => byteLength === SLAB_BYTES)).toEqual([]);
    expect(await far.messages(masked)).toEqual(
      Array.from({ length: 10 }, (_, i) => [`${i}`, `${i} again`, `${i} and again`]).flat(),
    );
  });

  it('never writes over what a stream has not taken, however much that is', async () => {
    const message = fc.record({
      to: fc.nat(2),
      length: fc.oneof({ weight: 6, arbitrary: fc.nat(400) }, fc.constantFrom(4_000, SHORT_BYTES)),
      bytes: fc.boolean(),
      held: fc.boolean(),
      reads: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 60 }), async (list) => {
        const fars = [new Far(false), new Far(true), new Far(true)];
        const writers = fars.map((far) => new FrameWriter(far, masked));
        const sent: string[][] = [[], [], []];
        let holding = false;
        list.forEach(({ to, length, bytes, held, reads }, i) => {
          if (held !== holding) {
            if (held) holdWrites();
            else letGoWrites();
            holding = held;
          }
          const text = String(i).repeat(length).slice(0, length);
          if (bytes) writers[to]!.utf8(Buffer.from(text));
          else writers[to]!.text(text);
          sent[to]!.push(text);
          if (reads) fars[to]!.readAll();
        });
        if (holding) letGoWrites();
        for (const [i, far] of fars.entries()) {
          far.readAll();
          expect(await far.messages(masked)).toEqual(sent[i]);
        }
      }),
      { numRuns: 100 },
    );
  });
});
