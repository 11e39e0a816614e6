import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlainFrames } from '../../../src/transport/plain-frames.ts';

/** The library's reader of frames, which its types do not tell of. */
const { Receiver } = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: {
    isServer: boolean;
    maxPayload: number;
    maxFragments: number;
    skipUTF8Validation: boolean;
  }) => Writable;
};

/** One frame as a client sends it, or should not. */
interface Frame {
  readonly first: number;
  readonly masked: boolean;
  readonly payload: Buffer;
  /** Writes the length the long way, however short it is. */
  readonly long?: boolean;
}

const LIMITS = { bytes: 65_536, fragments: 16 };
const MASK = Buffer.from([0x12, 0xf3, 0x54, 0x95]);

function bytesOf({ first, masked, payload, long = false }: Frame): Buffer {
  const { length } = payload;
  const short = length < 126 && !long;
  const head = Buffer.alloc(short ? 2 : length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = (masked ? 0x80 : 0) | (short ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  else if (head.length === 10) head.writeUInt32BE(length, 6);
  if (!masked) return Buffer.concat([head, payload]);
  return Buffer.concat([head, MASK, payload.map((byte, i) => byte ^ MASK[i & 3]!)]);
}

const text = (message: string, first = 0x81): Frame => ({ first, masked: true, payload: Buffer.from(message) });

/** What the library tells of a stream, alone or behind the short way. */
async function told(chunks: readonly Buffer[], short: boolean): Promise<{ list: string[]; plain: number }> {
  const list: string[] = [];
  let plain = 0;
  const library = new Receiver({
    isServer: true,
    maxPayload: LIMITS.bytes,
    maxFragments: LIMITS.fragments,
    skipUTF8Validation: true,
  });
  library.on('message', (data: Buffer, isBinary: boolean) =>
    list.push(`${isBinary ? 'binary' : 'text'} ${data.toString()}`),
  );
  library.on('ping', (data: Buffer) => list.push(`ping ${data.toString()}`));
  library.on('pong', (data: Buffer) => list.push(`pong ${data.toString()}`));
  library.on('conclude', (code: number) => list.push(`close ${code}`));
  library.on('error', (error: Error & { code?: string }) => list.push(`error ${error.code}`));
  const write = (bytes: Buffer) => {
    if (!library.destroyed) library.write(bytes);
  };
  const frames = new PlainFrames(
    write,
    (message) => {
      plain++;
      list.push(`text ${message.toString()}`);
    },
    LIMITS,
  );
  for (const chunk of chunks) {
    // Both unmask in place.
    if (short) frames.push(Buffer.from(chunk));
    else if (!list.some((entry) => entry.startsWith('close'))) write(Buffer.from(chunk));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { list, plain };
}

/** `bytes` cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length)).filter((chunk) => chunk.length > 0);
}

describe('the short way of plain frames', () => {
  it('takes whole masked text frames, however they are cut, and leaves nothing to the library', async () => {
    const messages = [
      '',
      'a',
      'x'.repeat(125),
      'y'.repeat(126),
      '{"event":"media"}',
      'é'.repeat(300),
      'z'.repeat(8_192),
    ];
    const bytes = Buffer.concat(messages.map((message) => bytesOf(text(message))));
    for (const size of [1, 2, 3, 7, 130, 4_096, bytes.length]) {
      const seen: string[] = [];
      const frames = new PlainFrames(
        () => seen.push('the library'),
        (message) => seen.push(message.toString()),
        LIMITS,
      );
      for (let at = 0; at < bytes.length; at += size) frames.push(Buffer.from(bytes.subarray(at, at + size)));
      expect(seen).toEqual(messages);
    }
  });

  it('tells what the library alone would tell, in the same order, of any stream cut anywhere', async () => {
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.nat(300) },
      fc.constantFrom(125, 126, 8_192, 8_193, 65_535, 65_536, 70_000),
    );
    const first = fc.oneof(
      { weight: 8, arbitrary: fc.constant(0x81) },
      { weight: 4, arbitrary: fc.constantFrom(0x01, 0x00, 0x80, 0x82, 0x02, 0x89, 0x8a) },
      { weight: 1, arbitrary: fc.constantFrom(0x88, 0xc1, 0x83, 0x09, 0x8b, 0x91) },
    );
    const frame = fc.record({
      first,
      size,
      masked: fc.oneof({ weight: 40, arbitrary: fc.constant(true) }, fc.constant(false)),
      long: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    });
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        async (list, places) => {
          const frames = list.map(({ first, size, masked, long }, i): Frame => {
            const control = (first & 8) !== 0 && size > 125;
            // A close frame bears its code.
            const payload =
              first === 0x88 ? Buffer.from([3, 232]) : Buffer.alloc(control ? size % 130 : size, 0x61 + (i % 26));
            return { first, masked, payload, long };
          });
          const chunks = cut(Buffer.concat(frames.map(bytesOf)), places);
          const alone = await told(chunks, false);
          const short = await told(chunks, true);
          expect(short.list).toEqual(alone.list);
          plain += short.plain;
        },
      ),
      { numRuns: 300 },
    );
    expect(plain).toBeGreaterThan(300);
    // Each of the runs lets the event loop turn once a piece: on a busy machine that is some seconds.
  }, 30_000);

  it.each([
    ['ping', 0x89],
    ['pong', 0x8a],
    ['close', 0x88],
  ])(
    'takes a %s whose short length is written the long way for wrong, as the library does, and nothing after it',
    async (_name, first) => {
      for (const payload of [Buffer.alloc(0), Buffer.from([3, 232]), Buffer.alloc(125, 0x61)]) {
        const wrong = bytesOf({ first, masked: true, payload, long: true });
        const chunk = Buffer.concat([bytesOf(text('before')), wrong, bytesOf(text('after'))]);
        const { list } = await told([chunk], true);
        expect(list).toEqual(['text before', 'error WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH']);
        expect(list).toEqual((await told([chunk], false)).list);
      }
    },
  );

  it('counts fragments and their bytes: what comes behind one too many is told by nobody', async () => {
    const after = bytesOf(text('after'));
    const message = (sizes: readonly number[]) =>
      sizes.map((size, i) => {
        const first = (i === 0 ? 0x01 : 0x00) | (i === sizes.length - 1 ? 0x80 : 0);
        return bytesOf({ first, masked: true, payload: Buffer.alloc(size, 0x61) });
      });
    for (const [sizes, error] of [
      [Array(16).fill(3), undefined],
      [Array(17).fill(3), 'error WS_ERR_TOO_MANY_BUFFERED_PARTS'],
      [Array(17).fill(0), 'error WS_ERR_TOO_MANY_BUFFERED_PARTS'],
      [[30_000, 30_000, 5_536], undefined],
      [[30_000, 30_000, 5_537], 'error WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'],
    ] as const) {
      // Twice: what one message counted is not held against the next.
      const chunk = Buffer.concat([...message(sizes), ...message(sizes), after]);
      const { list } = await told([chunk], true);
      expect(list).toEqual((await told([chunk], false)).list);
      if (error === undefined) expect(list.at(-1)).toBe('text after');
      else expect(list).toEqual([error]);
    }
  });

  it('hears nothing after the close frame, nor after it was stopped', () => {
    const seen: string[] = [];
    const frames = new PlainFrames(
      (bytes) => seen.push(`library ${bytes.length}`),
      (message) => seen.push(message.toString()),
      LIMITS,
    );
    const close = bytesOf({ first: 0x88, masked: true, payload: Buffer.from([3, 232]) });
    frames.push(Buffer.concat([bytesOf(text('a')), close, bytesOf(text('b'))]));
    frames.push(bytesOf(text('c')));
    expect(seen).toEqual(['a', 'library 8']);
    const stopped = new PlainFrames(
      () => seen.push('library'),
      (message) => {
        seen.push(message.toString());
        stopped.stop();
      },
      LIMITS,
    );
    stopped.push(Buffer.concat([bytesOf(text('d')), bytesOf(text('e'))]));
    expect(seen.at(-1)).toBe('d');
  });
});
