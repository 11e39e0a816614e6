import { describe, expect, it } from 'vitest';
import { listen, pausesIn, pausesOfAll, type Received, readLog } from '../../../bench/lib/rtp-log.ts';
import { createOpusEncoder } from '../../../src/media/opus.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { RATE, soundsOn } from '../../../src/simulator/livekit/index.ts';

/** Two seconds of a tone, a packet each 20 ms, as they come when nothing goes wrong. */
function tone(): Received[] {
  const encoder = createOpusEncoder({ sampleRate: RATE, channels: 1 });
  const samples = makeTone(440, RATE, 2_000, -12);
  return Array.from({ length: 100 }, (_, i) => ({
    atMs: 1_000 + i * 20,
    ssrc: 7,
    // Both wrap on the way.
    sequence: (65_500 + i) & 0xffff,
    timestamp: (2 ** 32 - 9_600 + i * 960) >>> 0,
    payload: encoder.encode(samples.subarray(i * 480, (i + 1) * 480)),
  }));
}

/** From packet `from` on all come later by `ms`. */
const later = (received: readonly Received[], from: number, ms: number) =>
  received.map((packet, i) => (i < from ? packet : { ...packet, atMs: packet.atMs + ms }));

/** The packets from `from` on that are due within `ms` come at its end, all together. */
const heldUp = (received: readonly Received[], from: number, ms: number) =>
  received.map((packet, i) => {
    const end = received[from]!.atMs + ms;
    return i < from || packet.atMs >= end ? packet : { ...packet, atMs: end };
  });

describe('what came to somebody', () => {
  it('is read as it was written, without what has no payload', () => {
    const written = (payload: string) => {
      const bytes = Buffer.alloc(20 + payload.length);
      bytes.writeDoubleLE(1_234.5, 0);
      bytes.writeUInt32LE(0xfffffffe, 8);
      bytes.writeUInt16LE(65_535, 12);
      bytes.writeUInt32LE(0xffffffff, 14);
      bytes.writeUInt16LE(payload.length, 18);
      bytes.write(payload, 20);
      return bytes;
    };
    const read = readLog(Buffer.concat([written('ab'), written(''), written('c'), written('cut').subarray(0, 12)]));
    expect(read.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['ab', 'c']);
    expect(read[0]).toMatchObject({ atMs: 1_234.5, ssrc: 0xfffffffe, sequence: 65_535, timestamp: 0xffffffff });
  });

  it('is heard whole and once where all of it came in time', () => {
    const { tape, lost, madeUpMs } = listen(tone());
    const sounds = soundsOn(tape, RATE);
    expect(sounds.map(({ holes }) => holes)).toEqual([[]]);
    expect(((sounds[0]!.to - sounds[0]!.from) * 1_000) / RATE).toBeGreaterThan(1_900);
    expect([lost, madeUpMs < 50]).toEqual([0, true]);
  });

  it('has a hole where nothing came for longer than anybody holds back', () => {
    const { tape, madeUpMs } = listen(later(tone(), 50, 150));
    expect(madeUpMs).toBeGreaterThan(80);
    expect(soundsOn(tape, RATE).flatMap(({ holes }) => holes).length).toBeGreaterThanOrEqual(1);
  });

  it('names packets that never came', () => {
    expect(listen(tone().filter((_, i) => i !== 40 && i !== 60)).lost).toBe(2);
  });

  it('tells what had not been sent from what was held up on its way', () => {
    const [unsent] = pausesIn(later(tone(), 50, 100), 60);
    expect(unsent).toMatchObject({ ms: 120, laterMs: 100 });
    const [held] = pausesIn(heldUp(tone(), 50, 100), 60);
    expect(held).toMatchObject({ ms: 120, laterMs: 0 });
    expect(pausesIn(tone(), 60)).toEqual([]);
  });

  it('tells pauses that all had from those of one', () => {
    const all = pausesIn(heldUp(tone(), 50, 100), 60);
    const one = pausesIn(heldUp(heldUp(tone(), 20, 100), 50, 90), 60);
    expect(pausesOfAll([all, one]).map(({ atMs }) => atMs)).toEqual([2_100]);
    expect(pausesOfAll([one, all])).toHaveLength(1);
    expect(pausesOfAll([one, all, []])).toEqual([]);
  });
});
