import { HIGH_HZ, KEYS, LOW_HZ } from '../../src/media/keys.ts';
import { toneLevel } from '../../src/media/tone.ts';
import type { CarrierCall } from '../../src/simulator/carrier/index.ts';
import { sleep } from './rig.ts';

/** A receiver of telephone keys (ITU-T Q.23) for what a far party's recording holds. */

const WINDOW_MS = 20;
/** Both tones of a key are this loud at least, dBFS: they are sent at -10 and -8, and speech of the tests is one tone. */
const LEAST_DBFS = -20;
/** So long a receiver must hear a key to take it (ITU-T Q.24). */
const KEY_LEAST_MS = 40;

/** A far party may hear the last of what was sent so much later than it was told of, ms; between two looks, ms. */
const LATE_MS = 5_000;
const LOOK_MS = 100;

/** The keys that the far party of a call has heard, as soon as they are `wanted`; those that it heard in 5 s, where they are others. */
export async function farKeys(call: CarrierCall, wanted: string): Promise<string> {
  for (let ms = 0; ; ms += LOOK_MS) {
    // Asked for what it has yet to play it plays what is due.
    call.stream?.bufferedMs;
    const { agent, sampleRate } = call.recordedChannels() ?? { agent: new Int16Array(), sampleRate: 8_000 };
    const keys = keysHeard(agent, sampleRate, call.stream?.ear.longestGapMs);
    if (keys === wanted || ms >= LATE_MS) return keys;
    await sleep(LOOK_MS);
  }
}

/**
 * The keys in these samples, in order. `holeMs`: the longest time for which the far party's buffer was dry within sound, by its own account: a key that is heard again no later than that
 * was cut in two by the stall, and is one.
 */
export function keysHeard(samples: Int16Array, sampleRate: number, holeMs = 0): string {
  const window = (sampleRate * WINDOW_MS) / 1000;
  let keys = '';
  let key = '';
  let heardMs = 0;
  let goneMs = 0;
  for (let at = 0; at + window <= samples.length; at += window) {
    const now = keyOf(samples.subarray(at, at + window), sampleRate);
    if (now !== '' && now === key && goneMs <= holeMs) heardMs += WINDOW_MS;
    else if (now !== '') [key, heardMs] = [now, WINDOW_MS];
    goneMs = now === '' ? goneMs + WINDOW_MS : 0;
    // Once, when it has been heard for long enough.
    if (now !== '' && heardMs === KEY_LEAST_MS) keys += now;
  }
  return keys;
}

/** The key whose two tones are the loudest of their groups, and loud; '' where none is. */
function keyOf(window: Int16Array, sampleRate: number): string {
  const loudest = (group: readonly number[]) =>
    group
      .map((hz) => toneLevel(window, sampleRate, hz))
      .reduce((best, level, at, all) => (level > all[best]! ? at : best), 0);
  const [row, column] = [loudest(LOW_HZ), loudest(HIGH_HZ)];
  const loud = [LOW_HZ[row]!, HIGH_HZ[column]!].every((hz) => toneLevel(window, sampleRate, hz) >= LEAST_DBFS);
  return loud ? KEYS[row]![column]! : '';
}
