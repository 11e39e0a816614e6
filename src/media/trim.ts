import { rmsDbfs, SILENCE_DBFS } from './level.ts';

/** Nothing quieter is sound, dBFS: the noise that synthetic speech begins and ends with is below it. */
const QUIETEST_DBFS = -50;
/** Length of the blocks that are looked at, ms. */
const BLOCK_MS = 5;
const FRAME_MS = 20;

/** The samples without the silence before their first sound and behind their last; a view. Empty where nothing of them is loud. */
export function trimSilence(samples: Int16Array, sampleRate: number): Int16Array {
  const block = Math.max(1, Math.round((sampleRate * BLOCK_MS) / 1000));
  const loud = (from: number) => rmsDbfs(samples.subarray(from, from + block)) > QUIETEST_DBFS;
  let from = 0;
  while (from < samples.length && !loud(from)) from += block;
  let to = samples.length;
  while (to > from && !loud(Math.max(from, to - block))) to -= block;
  return samples.subarray(Math.min(from, samples.length), Math.max(from, to));
}

/** RMS level of what sounds in these runs of samples, pauses left out, dBFS; `SILENCE_DBFS` where nothing does. */
export function activeDbfs(runs: Iterable<Int16Array>, sampleRate: number): number {
  const frame = Math.round((sampleRate * FRAME_MS) / 1000);
  let power = 0;
  let count = 0;
  for (const samples of runs) {
    for (let at = 0; at + frame <= samples.length; at += frame) {
      const level = rmsDbfs(samples.subarray(at, at + frame));
      if (level <= QUIETEST_DBFS) continue;
      power += 10 ** (level / 10);
      count++;
    }
  }
  return count === 0 ? SILENCE_DBFS : 10 * Math.log10(power / count);
}
