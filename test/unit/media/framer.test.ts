import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framer } from '../../../src/media/framer.ts';

function ramp(length: number, from = 0): Int16Array {
  return Int16Array.from({ length }, (_, i) => from + i);
}

/** A receiver that copies what it gets, as the rule of borrowed frames demands. */
function collector(): { frames: number[][]; onFrame: (frame: Int16Array) => void } {
  const frames: number[][] = [];
  return { frames, onFrame: (frame) => frames.push([...frame]) };
}

describe('Framer', () => {
  it('cuts any chunks into the same frames', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 170 })), (size, lengths) => {
        const framer = new Framer(size);
        const { frames, onFrame } = collector();
        let sent = 0;
        for (const length of lengths) {
          framer.push(ramp(length, sent), onFrame);
          sent += length;
          expect(framer.pending).toBe(sent % size);
        }
        expect(frames.flat()).toEqual([...ramp(sent - (sent % size))]);
        expect(frames.every((frame) => frame.length === size)).toBe(true);
      }),
    );
  });

  it('pads the begun frame with silence at the end', () => {
    const framer = new Framer(4);
    const { frames, onFrame } = collector();
    framer.push(ramp(6, 1), onFrame);
    expect(framer.flush(true, onFrame)).toBe(2);
    expect(frames).toEqual([
      [1, 2, 3, 4],
      [5, 6, 0, 0],
    ]);
    expect(framer.pending).toBe(0);
    expect(framer.flush(true, onFrame)).toBe(0);
    expect(frames).toHaveLength(2);
  });

  it('discards the begun frame when it is not to be padded', () => {
    const framer = new Framer(4);
    const { frames, onFrame } = collector();
    framer.push(ramp(3), onFrame);
    expect(framer.flush(false, onFrame)).toBe(3);
    framer.push(ramp(4, 10), onFrame);
    expect(frames).toEqual([[10, 11, 12, 13]]);
  });

  it('forgets on reset', () => {
    const framer = new Framer(4);
    const { frames, onFrame } = collector();
    framer.push(ramp(3), onFrame);
    framer.reset();
    expect(framer.pending).toBe(0);
    framer.push(ramp(4, 10), onFrame);
    expect(frames).toEqual([[10, 11, 12, 13]]);
  });

  it('hands out one and the same buffer', () => {
    const framer = new Framer(160);
    const seen = new Set<Int16Array>();
    for (let i = 0; i < 10; i++) framer.push(ramp(331), (frame) => seen.add(frame));
    expect(seen.size).toBe(1);
  });

  it('goes on after a receiver that throws, with the next samples', () => {
    const framer = new Framer(2);
    expect(() =>
      framer.push(ramp(2), () => {
        throw new Error('receiver');
      }),
    ).toThrow('receiver');
    const { frames, onFrame } = collector();
    framer.push(ramp(2, 5), onFrame);
    expect(frames).toEqual([[5, 6]]);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a frame of %s samples', (size) => {
    expect(() => new Framer(size)).toThrow(RangeError);
  });
});
