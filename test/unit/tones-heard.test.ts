import { describe, expect, it } from 'vitest';
import { makeTone } from '../../src/media/tone.ts';
import { loudestTone, toneAloneMs } from '../fakes/tones-heard.ts';

const RATE = 8_000;
const PER_MS = RATE / 1_000;

/** Pieces one after the other: silence of so many ms, or samples. */
function inOrder(...pieces: Array<number | Int16Array>): Int16Array {
  return Int16Array.from(
    pieces.flatMap((piece) => (typeof piece === 'number' ? Array<number>(piece * PER_MS).fill(0) : [...piece])),
  );
}

const tone = (hz: number, ms: number) => makeTone(hz, RATE, ms, -15);

describe('how long a tone is heard alone', () => {
  it.each([0, 10, 20, 50, 70, 90])('is as long as it was, or a window more, from %i ms on', (from) => {
    for (const ms of [300, 1_000, 1_010, 1_090]) {
      const heard = toneAloneMs(inOrder(from, tone(620, ms), 500), RATE, 620);
      expect(heard).toBeGreaterThanOrEqual(ms - 20);
      expect(heard).toBeLessThanOrEqual(ms + 100);
    }
  });

  it.each([20, 40, 60])('is shorter by what is lost of it, of %i ms', (lost) => {
    for (const at of [400, 430, 450, 480]) {
      const whole = tone(620, 1_000);
      whole.fill(0, at * PER_MS, (at + lost) * PER_MS);
      const heard = toneAloneMs(inOrder(whole, 300), RATE, 620);
      expect(heard).toBeGreaterThanOrEqual(1_000 - lost - 40);
      expect(heard).toBeLessThanOrEqual(1_000);
    }
  });

  it('is to the end of what was recorded', () => {
    expect(toneAloneMs(inOrder(100, tone(620, 560)), RATE, 620)).toBeGreaterThanOrEqual(540);
  });

  it('is nothing where another is heard, silence, or another with it', () => {
    expect(toneAloneMs(inOrder(30, tone(1_020, 1_000), 30), RATE, 620)).toBe(0);
    expect(toneAloneMs(inOrder(1_000), RATE, 620)).toBe(0);
    const both = tone(1_020, 1_000).map((sample, i) => sample + tone(620, 1_000)[i]!);
    expect(toneAloneMs(both, RATE, 620)).toBe(0);
    expect(toneAloneMs(new Int16Array(0), RATE, 620)).toBe(0);
  });

  it('ends where another begins in the same window', () => {
    const heard = toneAloneMs(inOrder(tone(620, 550), tone(1_020, 550)), RATE, 620);
    expect(heard).toBeGreaterThanOrEqual(500);
    expect(heard).toBeLessThanOrEqual(600);
  });
});

describe('the loudest that is heard of a tone', () => {
  it('is that of one frame, wherever it lies, and nothing where another skips', () => {
    expect(loudestTone(inOrder(190, tone(620, 20), 300), RATE, 620)).toBeGreaterThan(-40);
    expect(loudestTone(inOrder(110, tone(1_020, 400), 300), RATE, 620)).toBeLessThan(-60);
  });
});
