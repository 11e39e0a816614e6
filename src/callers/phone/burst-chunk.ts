import type { PhoneLegOptions } from './options.ts';

/** What must still lie at the carrier when the next chunk goes, so that a stall of 200 ms is not heard: that, and one tick. */
const RESERVE_MS = 220;
const LONGEST_CHUNK_MS = 100;

/**
 * Audio that comes ahead of time loses nothing by longer messages, and each costs a system call: four times the chunk of a live source, as far
 * as the lead keeps its reserve.
 */
export function burstChunkMs({ chunkMs, leadMs }: PhoneLegOptions): number {
  return Math.max(chunkMs, Math.min(4 * chunkMs, LONGEST_CHUNK_MS, leadMs - RESERVE_MS));
}
