/**
 * A tone that rises steadily, which says of itself where in it one is: how much of an utterance was heard is read off its last sound, whatever a jitter
 * buffer has stretched, shortened or made up on the way, and that is what a length cannot tell.
 */

import { dominantTone } from './tone.ts';

/** Where it begins, Hz, and by how much it rises in a second: a millisecond is a hertz, and 3 s of it stay below 4 kHz. */
const FROM_HZ = 500;
const HZ_PER_SECOND = 1_000;
const FULL_SCALE = 32_768;
/** Length of what is looked at, ms: some fifteen periods of its lowest tone. */
const LOOK_MS = 30;
/** Edge that is left out before a cut, where a codec has put something of its own, ms. */
const EDGE_MS = 5;
/** A soft beginning, ms: a hard one would be a click. */
const RAMP_MS = 5;

/** `ms` of it at `rate`, of 10 % of full scale. Throws a RangeError where it would rise beyond what the rate can carry. */
export function makeSweep(rate: number, ms: number): Int16Array {
  if (FROM_HZ + (HZ_PER_SECOND * ms) / 1000 > rate / 2) throw new RangeError(`sweep: ${ms} ms at ${rate} samples/s`);
  return Int16Array.from({ length: Math.round((rate * ms) / 1000) }, (_, i) => {
    const t = i / rate;
    const turns = FROM_HZ * t + (HZ_PER_SECOND * t * t) / 2;
    return Math.round(0.1 * FULL_SCALE * Math.min(1, (t * 1000) / RAMP_MS) * Math.sin(2 * Math.PI * turns));
  });
}

/** How far into the sweep one is at `end` of these samples, which it fills for 40 ms before, ms; NaN where they have no tone. */
export function sweepMs(samples: Int16Array, end: number, rate: number): number {
  const edge = Math.round((rate * EDGE_MS) / 1000);
  const look = Math.round((rate * LOOK_MS) / 1000);
  const { hz } = dominantTone(samples.subarray(Math.max(0, end - edge - look), end - edge), rate);
  if (hz === 0) return Number.NaN;
  return ((hz - FROM_HZ) * 1000) / HZ_PER_SECOND + LOOK_MS / 2 + EDGE_MS;
}
