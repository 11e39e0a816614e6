import { describe, expect, it } from 'vitest';
import { makeSweep, sweepMs } from '../../../src/media/sweep.ts';

const RATE = 24_000;
const ms = (n: number) => n * 24;

describe('a rising tone', () => {
  it.each([50, 100, 777, 2_000, 2_999])('says at %i ms that it is there', (at) => {
    expect(sweepMs(makeSweep(RATE, 3_000), ms(at), RATE)).toBeCloseTo(at, 0);
  });

  it('says where it was cut off, also when some of it before is gone or was said twice', () => {
    const whole = makeSweep(RATE, 3_000);
    const shorter = Int16Array.from([...whole.subarray(0, ms(400)), ...whole.subarray(ms(480), ms(1_000))]);
    const longer = Int16Array.from([...whole.subarray(0, ms(400)), ...whole.subarray(ms(300), ms(1_000))]);
    for (const heard of [shorter, longer]) {
      const tape = new Int16Array(heard.length + ms(500));
      tape.set(heard);
      expect(sweepMs(tape, heard.length, RATE)).toBeCloseTo(1_000, 0);
    }
  });

  it('is nowhere in silence, and is not made where its rate cannot carry it', () => {
    expect(sweepMs(new Int16Array(ms(100)), ms(100), RATE)).toBeNaN();
    expect(() => makeSweep(8_000, 4_000)).toThrow(RangeError);
  });
});
