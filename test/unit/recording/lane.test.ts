import { describe, expect, it } from 'vitest';
import { Lane } from '../../../src/recording/lane.ts';
import { sine } from '../../fakes/sine.ts';

const RATE = 8_000;
const FRAME = 160;

/** Where a second of these frames is placed whose line becomes 10 ms slower in the middle. */
function placed(frame: Int16Array): number[] {
  const puts: number[] = [];
  const lane = new Lane(RATE, 500, {
    put(at, count, queue) {
      puts.push(at);
      queue.drop(count);
    },
  });
  for (let n = 0; n < 50; n++) {
    lane.queue.push(frame);
    lane.heard(FRAME, (n + 1) * FRAME + (n < 25 ? 0 : 80));
  }
  lane.settle(Number.POSITIVE_INFINITY);
  return puts;
}

describe('a line that becomes slower by 10 ms', () => {
  it.each([1_000, 2_000, 440])('leaves a tone of %i Hz whole, whatever its phase', (hz) => {
    for (const phase of [0, Math.PI / 2]) {
      expect(placed(sine(hz, RATE, 20, phase, 8_000))).toEqual(Array.from({ length: 50 }, (_, n) => n * FRAME));
    }
  });

  it('is followed where it is quiet', () => {
    expect(placed(new Int16Array(FRAME)).at(-1)).toBe(49 * FRAME + 80);
  });
});
