import { describe, expect, it } from 'vitest';
import {
  decodeUp,
  encodeDown,
  encodeJson,
  encodeUp,
  samplesOf,
  WireReader,
  WireWriter,
} from '../../../src/rooms/worker/wire.ts';

function reader() {
  const got: unknown[] = [];
  const wire = new WireReader({
    audio: (room, content) => got.push([room, [...samplesOf(content)]]),
    json: (room, content) => got.push([room, content]),
  });
  return { wire, got };
}

const messages = [
  encodeJson(1, { t: 'chat', text: 'grüß Gott' }),
  encodeDown(65_535, Int16Array.of(1, -2, 32_767, -32_768)),
  encodeDown(2, new Int16Array(0)),
  encodeJson(2, { t: 'clear', epoch: 4 }),
];
const read = [
  [1, { t: 'chat', text: 'grüß Gott' }],
  [65_535, [1, -2, 32_767, -32_768]],
  [2, []],
  [2, { t: 'clear', epoch: 4 }],
];

describe('the wire between the daemon and its workers', () => {
  it.each([1, 2, 3, 7, 19, 1_000])('puts messages together of pieces of %i bytes', (size) => {
    const { wire, got } = reader();
    const bytes = Buffer.concat(messages);
    for (let at = 0; at < bytes.length; at += size) wire.read(bytes.subarray(at, at + size));
    expect(got).toEqual(read);
  });

  it('carries a frame with who is heard in it and how far the agent is played', () => {
    const up = { epoch: 3, played: 123_456, ahead: 2_880, atMs: 123_456_789.012_5, samples: Int16Array.of(5, -6) };
    const by = [
      { n: 7, level: -12.25 },
      { n: 0, level: -50 },
    ];
    const decoded = decodeUp(encodeUp(9, { ...up, by }).subarray(8));
    expect(decoded).toEqual({ ...up, by });
  });

  it('gives samples memory of their own: the pipe uses its own again', () => {
    const bytes = Buffer.from(encodeDown(1, Int16Array.of(11, 12)).subarray(8));
    const samples = samplesOf(bytes);
    bytes.fill(0);
    expect([...samples]).toEqual([11, 12]);
  });

  it.each([0xff_ff_ff_ff, 3])('refuses what cannot be a message: a length of %i', (length) => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(length, 0);
    expect(() => reader().wire.read(bytes)).toThrow(RangeError);
  });

  it('makes one write of what comes in one turn of the event loop', async () => {
    const writes: Buffer[] = [];
    const writer = new WireWriter((bytes) => writes.push(bytes));
    for (const message of messages) writer.push(message);
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toEqual([Buffer.concat(messages)]);
  });
});
