import type { PcmFrame } from '../media/frame.ts';

/**
 * Listens to the audio of one call: recorders, level meters. It is told on the audio path, so it must not throw, wait or do work of note,
 * and a frame's samples are borrowed until it returns.
 */
export interface CallTap {
  /** What the caller said, when it came; silence that filled a gap included. */
  caller(frame: PcmFrame): void;
  /**
   * What was sent for the caller to hear. `fromMs`: position of its first sample in the caller's leg's playout, ms (`playout.writtenMs()`
   * before it). It is heard when `playout.playedMs()` passes that position, unless it is discarded first.
   */
  agent(frame: PcmFrame, fromMs: number): void;
  /** What lay unplayed was discarded (barge-in, a broken line): of all that was sent, the caller heard up to `playedMs`. */
  cleared(playedMs: number): void;
  /** Told each tick (10 ms) while a caller is joined: how far playing has come, ms, and the clock, ms. */
  tick(playedMs: number, now: number): void;
  /** The call is over; nothing is told after it. */
  ended(): void;
}
