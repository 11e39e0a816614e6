import { isToneAlone, toneLevel } from '../../src/media/tone.ts';

/** What is heard of tones in a recording. */

/** In 100 ms a tone is told from others. */
const WINDOW_MS = 100;
/** A window that a tone does not fill is moved by steps of one frame, ms. */
const STEP_MS = 20;
const STEPS = WINDOW_MS / STEP_MS - 1;

/**
 * Milliseconds in which `hz` and nothing else is heard. A frame that is lost takes no more from it than 40 ms beside itself, wherever it lies. What a window holds at
 * its edges weighs little in it, so that a stretch counts for up to 100 ms too much. Stretches of 200 ms and more are found wherever they lie.
 */
export function toneAloneMs(samples: Int16Array, sampleRate: number, hz: number): number {
  const window = (sampleRate * WINDOW_MS) / 1_000;
  const step = (sampleRate * STEP_MS) / 1_000;
  const isAlone = (at: number) =>
    at >= 0 &&
    at + window <= samples.length &&
    isToneAlone(samples.subarray(at, at + window), sampleRate, hz, { minDb: -40, maxOtherDb: -40 });
  const levelFrom = (at: number, length: number) => toneLevel(samples.subarray(at, at + length), sampleRate, hz);
  /** How far the tone of a window that it fills goes on, ms before it or behind it: what a window holds at its very edge weighs next to nothing in it. */
  const beyond = (at: number, direction: 1 | -1): number => {
    const level = levelFrom(at, window);
    for (let n = STEPS; n > 0; n--) {
      const moved = at + direction * n * step;
      const edge = direction < 0 ? moved : moved + window - step;
      if (isAlone(moved) && levelFrom(edge, step) >= level - 6) return n * STEP_MS;
    }
    return 0;
  };
  const filled = Array.from({ length: Math.ceil(samples.length / window) }, (_, n) => isAlone(n * window));
  let ms = 0;
  for (const [n, isFilled] of filled.entries()) {
    if (isFilled) ms += WINDOW_MS;
    else {
      const behind = filled[n - 1] ? beyond((n - 1) * window, 1) : 0;
      const before = filled[n + 1] ? beyond((n + 1) * window, -1) : 0;
      ms += Math.min(STEPS * STEP_MS, behind + before);
    }
  }
  return ms;
}

/** Where a tone in 100 ms, or in one frame of it, is far less loud than at its own frequency, Hz away. */
const BESIDE_HZ = [50, 60, 80];

/**
 * Highest level of a tone in any 100 ms of the samples, dBFS: what must be absent is far below. Where another sound begins, ends or
 * has a hole, all frequencies are heard for a moment (a tone of -15 dBFS that skips: -46 at 400 Hz from it), which is not this tone:
 * a tone stands out by 10 dB from what is on one side of it (on the other there may be a second one, as in ringing), if only one
 * frame of 20 ms is heard. Windows overlap by half, so that each frame is well inside of one.
 */
export function loudestTone(samples: Int16Array, sampleRate: number, hz: number): number {
  const window = sampleRate / 10;
  let loudest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at + window <= samples.length; at += window / 2) {
    const heard = samples.subarray(at, at + window);
    const level = toneLevel(heard, sampleRate, hz);
    if (level <= loudest) continue;
    const beside = [-1, 1].map((side) =>
      Math.max(...BESIDE_HZ.map((by) => toneLevel(heard, sampleRate, hz + side * by))),
    );
    if (level >= Math.min(...beside) + 10) loudest = level;
  }
  return loudest;
}
